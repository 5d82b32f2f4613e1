"""REST under `api`, officers' pages under `desk`, public pages under `public`."""
