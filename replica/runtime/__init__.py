"""The shell around the core: ports, the driver, journals, peer links, HTTP, configuration."""
