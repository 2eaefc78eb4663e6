#pragma once
/// First values of parameters.

#include <string>

#include "models/module.h"

namespace engram {

/// Fills a dense f32 tensor by the rule, from the random stream that belongs to (seed, name).
void fill(const Tensor& tensor, const Init& init, std::uint64_t seed, const std::string& name);

/// Copies a dense row-major f32 tensor over another of the same extents and device, and counts the change.
void copy_into(const Tensor& target, const Tensor& source);

}  // namespace engram
