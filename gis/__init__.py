"""The core: settings, errors, geometry, places, reports and incidents."""
