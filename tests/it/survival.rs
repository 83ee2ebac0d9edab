//! Law 7: the daemon is mortal, the apps are not.
