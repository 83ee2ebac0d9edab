//! pm monit: the terminal monitor.
