#pragma once
/// SIGINT, SIGTERM and SIGHUP: the first asks the program to finish its step and save; a second SIGINT or SIGTERM ends
/// it at once. The only state of the programs that belongs to the whole process.

namespace engram::apps {

/// Installs the handlers. The first signal sets the flag of stop_requested() and says so on standard error; after it
/// the default action is back, so that another ends the process, and SIGHUP is ignored: a terminal that closes may send
/// it more than once. SIGHUP stays ignored where it was (nohup).
/// SIGXFSZ is ignored: the write beyond the limit of a file's size then fails with an error like that of a full disk.
/// So is SIGPIPE: a reader of messages that goes away (`2>&1 | head`) must not end a run, and one of standard output
/// makes a write error.
void install_signal_handlers();

/// Whether a signal has asked the program to stop. Cheap; ask once a step.
bool stop_requested();

/// Takes the request back, for tests.
void clear_stop_request();

}  // namespace engram::apps
