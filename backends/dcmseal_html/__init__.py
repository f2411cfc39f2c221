"""Reports as one self-contained HTML page, for browsers and paper."""
