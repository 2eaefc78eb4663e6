#pragma once
/// Labels that are no class. Internal to engine/ops. Threads: none are made.

#include <cstdint>

#include "kernels/common/error.h"
#include "kernels/common/types.h"

namespace engram {

/// Throws DataError, naming `op`, for `num_invalid` labels of `rows` that are not in [0, classes).
[[noreturn]] inline void refuse_labels(const char* op, dim_t classes, dim_t rows, std::int32_t num_invalid) {
  throw DataError(
      message("[", op, "] expected labels in [0, ", classes, "), got ", num_invalid, " of ", rows, " outside"));
}

}  // namespace engram
