/// Exit codes and signals of a program, in processes of their own.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <new>
#include <sstream>
#include <system_error>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/signals.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// run_main() of a program that takes nothing from its call.
template <class Body>
int run_body(const Body& body) {
  const char* argv[] = {"engram-example"};
  return run_main(
      "engram-example", [&](Call&) { return body(); }, 1, argv);
}

// Exit code and standard error of run_main with a body that throws.
template <class Thrown>
void expect_exit(const Thrown& thrown, int code, const std::string& line) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_body([&]() -> int { throw thrown; }), code);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), line + "\n");
}

TEST(MainWrapper, ErrorsBecomeOneLineAndACode) {
  expect_exit(UsageError("no such option"), 2, "engram-example: no such option");
  expect_exit(DataError("[idx] bad\nin two lines\x1b[31m"), 3, "engram-example: [idx] bad in two lines?[31m");
  expect_exit(IoError("cannot read x"), 3, "engram-example: cannot read x");
  expect_exit(ShapeError("s"), 3, "engram-example: s");
  expect_exit(DTypeError("d"), 3, "engram-example: d");
  expect_exit(DeviceError("no cuda"), 4, "engram-example: no cuda");
  expect_exit(OutOfMemory("64 GiB"), 4, "engram-example: 64 GiB");
  expect_exit(std::bad_alloc(), 4, "engram-example: expected enough memory, got none more");
  const std::system_error no_thread(std::make_error_code(std::errc::resource_unavailable_try_again));
  expect_exit(no_thread, 4, std::string("engram-example: ") + no_thread.what());
  const std::error_code no_folder = std::make_error_code(std::errc::not_a_directory);
  expect_exit(std::filesystem::filesystem_error("cannot create directories", "a/b", no_folder), 3,
              "engram-example: [file] cannot use a/b: Not a directory");
  expect_exit(std::filesystem::filesystem_error("cannot rename", "a", "b", no_folder), 3,
              "engram-example: [file] cannot use a as b: Not a directory");
  expect_exit(Stopped("images were read"), 130, "engram-example: stopped while images were read");
  expect_exit(std::logic_error("oh"), 1, "engram-example: internal error: oh");
  EXPECT_EQ(run_body([] { return 130; }), kExitInterrupted);
  EXPECT_EQ(run_body([] { return 0; }), kExitOk);
}

// Runs `body` in a child and returns its wait status.
template <class Body>
int in_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(MainWrapper, TheStopOfACallReachesWhatItRuns) {
  std::ostringstream out, err;
  Call call{.program = "engram-example", .words = {}, .out = &out, .err = &err, .stop = [] { return true; }};
  const auto program = [](Call&) {
    leave_if_stopped("it worked");
    return 0;
  };
  EXPECT_EQ(run_program(program, call), 130);
  EXPECT_EQ(err.str(), "engram-example: stopped while it worked\n");
  leave_if_stopped("nothing ran");  // the scope ended with the call
}

TEST(MainWrapper, NoMemoryWhereNothingMayThrowEndsWith4) {
  const int status = in_child([] {
    return run_body([] {
      []() noexcept { std::get_new_handler()(); }();  // what a failing `new` calls
      return 0;
    });
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitDevice);
}

TEST(Signals, TheFirstAsksAndTheProgramEndsItself) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = in_child([signal] {
      return run_body([signal] {
        if (stop_requested()) return 1;
        ::raise(signal);
        return stop_requested() ? int{kExitInterrupted} : 1;
      });
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 130);
  }
}

TEST(Signals, AClosedTerminalMayAskTwice) {
  const int status = in_child([] {
    install_signal_handlers();
    ::raise(SIGHUP);
    ::raise(SIGHUP);
    return stop_requested() ? 7 : 1;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Signals, NohupIsKept) {
  const int status = in_child([] {
    ::signal(SIGHUP, SIG_IGN);
    install_signal_handlers();
    ::raise(SIGHUP);
    return stop_requested() ? 1 : 7;
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(Signals, TheSecondEndsTheProcessWhicheverItIs) {
  for (int first : {SIGINT, SIGTERM}) {
    for (int second : {SIGINT, SIGTERM}) {
      const int status = in_child([=] {
        install_signal_handlers();
        ::raise(first);
        ::raise(second);
        return 0;
      });
      ASSERT_TRUE(WIFSIGNALED(status));
      EXPECT_EQ(WTERMSIG(status), second);
    }
  }
}

}  // namespace
}  // namespace engram::apps
