#include "apps/common/version.h"

namespace engram::apps {

const char* version() {
  return ENGRAM_VERSION;
}

}  // namespace engram::apps
