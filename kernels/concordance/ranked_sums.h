#pragma once
/// Sums of weights by rank that change all the time: what a Fenwick tree does, in three flat levels that vectors add
/// up.

#include <algorithm>

#include "kernels/common/vec_math_f64.h"

namespace engram::kernels {

/// Weights by rank; a block is 64 ranks, a superblock 64 blocks.
class RankedSums {
 public:
  static constexpr dim_t kFanout = 64;

  /// Doubles of memory for `num_ranks` ranks.
  static constexpr dim_t doubles(dim_t num_ranks) {
    const dim_t blocks = num_ranks / kFanout + 1, supers = blocks / kFanout + 1;
    return (blocks + supers) * kFanout + (supers + 7) / 8 * 8;
  }

  /// Starts empty in `memory`.
  RankedSums(double* memory, dim_t num_ranks) {
    const dim_t blocks = num_ranks / kFanout + 1, supers = blocks / kFanout + 1;
    leaves_ = memory;
    blocks_ = leaves_ + blocks * kFanout;
    supers_ = blocks_ + supers * kFanout;
    std::fill(memory, memory + doubles(num_ranks), 0.);
  }

  ENGRAM_ALWAYS_INLINE void add(dim_t rank, double weight) {
    leaves_[rank] += weight;
    blocks_[rank / kFanout] += weight;
    supers_[rank / kFanout / kFanout] += weight;
    total_ += weight;
  }

  /// Sum of the weights below `rank`.
  ENGRAM_ALWAYS_INLINE double below(dim_t rank) const {
    const dim_t block = rank / kFanout, super = block / kFanout;
    const Vec8d sum = prefix(supers_, super) + prefix(blocks_ + super * kFanout, block % kFanout) +
                      prefix(leaves_ + block * kFanout, rank % kFanout);
    return sum_lanes8d(sum);
  }

  double at(dim_t rank) const { return leaves_[rank]; }
  double total() const { return total_; }

 private:
  /// Lanes whose sum is that of the first `count` values; reads up to the next multiple of 8.
  static ENGRAM_ALWAYS_INLINE Vec8d prefix(const double* values, dim_t count) {
    Vec8d sum = {};
    dim_t i = 0;
    for (; i + 8 <= count; i += 8) sum += load8d(values + i);
    if (i == count) return sum;
    const Mask8d lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    const Mask8d inside = lanes < Mask8d{} + (count - i);
    return sum + from_bits(bits_of(load8d(values + i)) & inside);
  }

  double *leaves_, *blocks_, *supers_;
  double total_ = 0;
};

}  // namespace engram::kernels
