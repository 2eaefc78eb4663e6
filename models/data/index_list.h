#pragma once
/// Splits of a set as lists of indices.

#include <filesystem>
#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// Reads indices in [0, count) from a text file, one a line; empty lines are passed over. Throws IoError; DataError
/// that names the line for anything else, for an index that occurs twice, and for a list without any.
std::vector<dim_t> read_index_list(const std::filesystem::path& path, dim_t count);

}  // namespace engram
