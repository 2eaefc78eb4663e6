/// How threads of a program wait: libgomp says at its start what it goes by.

#include <gtest/gtest.h>
#include <omp.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/support/run_program.h"

namespace engram::test {
namespace {

/// An environment variable as a scope has it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::string settings_of_program() {
  const Variable display("OMP_DISPLAY_ENV", "verbose");
  const ProgramResult result = run_program("engram-inspect", {"--version"});
  EXPECT_EQ(result.code, 0);
  return result.err;
}

TEST(ThreadWaiting, ProgramsSpinForAShortTimeUnlessToldOtherwise) {
  const Variable no_policy("OMP_WAIT_POLICY", nullptr);
  {
    const Variable no_count("GOMP_SPINCOUNT", nullptr);
    const std::string said = settings_of_program();
    if (omp_get_num_procs() < 2) GTEST_SKIP() << "one processor: nothing to wait for";
    EXPECT_NE(said.find("GOMP_SPINCOUNT = '1000'"), std::string::npos) << said;
  }
  const Variable own("GOMP_SPINCOUNT", "77");
  EXPECT_NE(settings_of_program().find("GOMP_SPINCOUNT = '77'"), std::string::npos);
}

TEST(ThreadWaiting, APolicyOfTheUserStays) {
  const Variable policy("OMP_WAIT_POLICY", "passive"), no_count("GOMP_SPINCOUNT", nullptr);
  EXPECT_EQ(settings_of_program().find("GOMP_SPINCOUNT = '1000'"), std::string::npos);
}

}  // namespace
}  // namespace engram::test
