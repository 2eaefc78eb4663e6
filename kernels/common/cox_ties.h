#pragma once
/// Ties of the proportional-hazards likelihood, for every family that evaluates it and for those who choose.

#include <cstdint>

namespace engram::kernels {

/// How deaths at equal times share their risk set.
enum class CoxTies : std::uint8_t { kEfron, kBreslow };

}  // namespace engram::kernels
