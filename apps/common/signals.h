#pragma once
/// SIGINT and SIGTERM: the first asks the program to finish its step and save, the second ends it at once.

namespace engram::apps {

/// Installs the handlers. The first signal sets the flag of stop_requested() and says so on standard error; after it
/// the default action is back, so that a second one ends the process.
void install_signal_handlers();

/// Whether a signal has asked the program to stop. Cheap; ask once a step.
bool stop_requested();

/// Takes the request back, for tests.
void clear_stop_request();

}  // namespace engram::apps
