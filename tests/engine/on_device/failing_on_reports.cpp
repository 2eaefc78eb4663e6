#include "tests/support/emulator_reports.h"

namespace engram::testing {
namespace {

const bool failing_on_reports = fail_on_reports();

}  // namespace
}  // namespace engram::testing
