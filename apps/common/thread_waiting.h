#pragma once
/// How the threads of the OpenMP team wait for work.

namespace engram::apps {

/// Starts the program anew with GOMP_SPINCOUNT=1000, so that a thread that waits spins for some ten microseconds and
/// then gives its core away; libgomp's own default spins for milliseconds, which on shared cores takes them from the
/// threads that it waits for. libgomp reads the variable before main() begins, so only a new start changes it. Returns,
/// having done nothing, where the user has set GOMP_SPINCOUNT or OMP_WAIT_POLICY, where there is one processor, and
/// where the system cannot start the program again.
void bound_waiting(const char* const* argv);

}  // namespace engram::apps
