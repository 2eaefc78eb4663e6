#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/survival_screen/newton_fit.h"
#include "kernels/survival_screen/prefix_sum.cuh"
#include "kernels/survival_screen/screen_cuda.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
constexpr int kMaxParameters = int(kMaxFullCovariates) + 2;
/// Patients of a tile. Half a warp scans a column of it.
constexpr int kRows = 16;
/// Columns scanned at a time.
constexpr int kScans = kThreads / kRows;
static_assert(kRows * 2 == kWarp);

/// What a thread keeps in registers: entries of the information, and columns whose sums it carries.
template <int kEntriesEach>
struct Shares {
  static constexpr int kEntries = kEntriesEach;
  static constexpr int kPasses = kEntries == 1 ? 2 : kEntries == 3 ? 3 : 4;
  /// The most parameters that it is enough for.
  static constexpr int kParameters = kEntries == 1 ? 22 : kEntries == 3 ? 38 : kMaxParameters;
  static_assert(kParameters * (kParameters + 1) / 2 <= kEntries * kThreads && kParameters <= kPasses * kScans);
};

/// Odd, so that a column's rows lie in different banks.
__host__ __device__ constexpr int stride_of(int parameters) {
  return parameters | 1;
}

/// Doubles of dynamic shared memory: a tile of x and its running sums; the information after the sweep.
int shared_doubles(int parameters) {
  return std::max(3 * kRows, parameters) * stride_of(parameters);
}

/// What the running sums S0 and A0 say of a tile's rows. A row at which no group ends has zeros from `rate` on.
struct RowSums {
  double theta[kRows], theta_died[kRows];  ///< the second 0 but for deaths
  double death[kRows];                     ///< weight of a death, else 0
  double inverse[kRows];                   ///< 1 / S0
  double rate[kRows], own_rate[kRows];     ///< sum over the group's terms of weight / phi times 1, fraction
  /// The same of weight (S0 / phi)^2 times 1, fraction, fraction^2.
  double square[kRows], cross[kRows], own_square[kRows];
  int head[kRows];  ///< row at which the patient's group begins; -1 for one before the tile
};

/// Shared memory of a block beside the dynamic part.
struct Shared {
  RowSums rows;
  double gradient[kMaxParameters], magnitude[kMaxParameters];
  double beta[kMaxParameters], step[kMaxParameters], trial[kMaxParameters];
  double loglik;
  bool running;
};

/// A tile in dynamic shared memory: design, running sums, and running sums over the current group's deaths, both over
/// S0.
struct Tile {
  double *x, *s1, *a1;
  int stride;
};

/// The block's gene: bits, or null without gene terms.
struct Design {
  const std::uint64_t* column;
  int covariates, parameters;
};

__device__ __forceinline__ void load_tile(const FullScreenArgs& args, const Design& design, dim_t first,
                                          const Tile& tile) {
  const int row = int(threadIdx.x) % kRows;
  const dim_t i = first + row;
  for (int a = int(threadIdx.x) / kRows; a < design.parameters; a += kScans) {
    double value = 0;
    if (i < args.risk.patients) {
      if (a < design.covariates) {
        value = args.covariates[a * args.risk.patients + i];
      } else if (a == design.covariates || args.treatment[i] != 0) {
        value = double(design.column[i / 64] >> (i % 64) & 1);
      }
    }
    tile.x[row * tile.stride + a] = value;
  }
}

/// Sums over the terms of a group with S0 and A0: see RowSums.
struct TermSums {
  double log_sum = 0, rate = 0, own_rate = 0, square = 0, cross = 0, own_square = 0;

  __device__ __forceinline__ void add(double weight, double fraction, double s0, double a0) {
    const double phi = s0 - fraction * a0, inverse = 1 / phi, share = s0 * inverse;
    log_sum += weight * log(phi);
    rate += weight * inverse;
    own_rate += weight * inverse * fraction;
    square += weight * share * share;
    cross += weight * share * share * fraction;
    own_square += weight * share * share * fraction * fraction;
  }
};

/// What the first warp carries from tile to tile.
struct RowCarry {
  double s0 = 0, a0 = 0, loglik = 0;
  int group = -1;
};

/// Sums over the terms of the groups that end in this tile: alone for groups with one term, by the whole warp for
/// others. Both halves of the warp hold the same rows.
__device__ __forceinline__ TermSums sum_group_terms(const RiskSetView& risk, int group, bool ends, double s0,
                                                    double a0) {
  const int lane = int(threadIdx.x) % kWarp;
  const int first = ends ? risk.group_terms[group] : 0, last = ends ? risk.group_terms[group + 1] : 0;
  TermSums own;
  if (last - first == 1) own.add(risk.term_weight[first], 0, s0, 0);
  for (unsigned rest = __ballot_sync(kFullMask, lane < kRows && last - first > 1); rest != 0; rest &= rest - 1) {
    const int row = __ffs(int(rest)) - 1;
    const int begin = __shfl_sync(kFullMask, first, row), end = __shfl_sync(kFullMask, last, row);
    const double at_risk = __shfl_sync(kFullMask, s0, row), died = __shfl_sync(kFullMask, a0, row);
    TermSums part;
    for (int t = begin + lane; t < end; t += kWarp) part.add(risk.term_weight[t], risk.term_fraction[t], at_risk, died);
    const TermSums sum = {warp_sum(part.log_sum), warp_sum(part.rate),  warp_sum(part.own_rate),
                          warp_sum(part.square),  warp_sum(part.cross), warp_sum(part.own_square)};
    if (lane == row) own = sum;
  }
  return own;
}

/// Linear predictors and sums at risk of the tile's rows, by the first warp.
template <bool kTies>
__device__ __forceinline__ void scan_rows(const FullScreenArgs& args, const Design& design, dim_t tile_begin,
                                          const Tile& tile, Shared& shared, RowCarry& carry) {
  const RiskSetView& risk = args.risk;
  const int lane = int(threadIdx.x) % kWarp, row = lane % kRows;
  const dim_t i = tile_begin + row;
  const bool inside = i < risk.patients;
  double eta = inside && args.offset ? args.offset[i] : 0;
  for (int a = 0; a < design.parameters; ++a) eta += shared.trial[a] * tile.x[row * tile.stride + a];
  const double weight = inside ? risk.weight[i] : 0, theta = inside ? weight * exp(eta) : 0;
  const bool died = inside && risk.event[i] != 0;
  const int group = inside ? risk.first_group[i] : int(risk.groups);
  const bool ends = group < risk.groups && i + 1 == risk.group_end[group];
  const double s0 = carry.s0 + prefix_sum<kRows>(theta);
  double a0 = 0;
  int head = 0;
  if constexpr (kTies) {
    head = segment_head<kRows>(group, carry.group);
    a0 = segment_sum<kRows>(died ? theta : 0, head) + (head < 0 ? carry.a0 : 0);
    carry.group = __shfl_sync(kFullMask, group, kRows - 1);
    carry.a0 = __shfl_sync(kFullMask, a0, kRows - 1);
  }
  carry.s0 = __shfl_sync(kFullMask, s0, kRows - 1);
  const TermSums sums = sum_group_terms(risk, group, ends, s0, a0);
  if (lane >= kRows) return;
  carry.loglik += (died ? weight * eta : 0) - sums.log_sum;
  RowSums& out = shared.rows;
  out.theta[row] = theta;
  out.theta_died[row] = died ? theta : 0;
  out.death[row] = died ? weight : 0;
  out.inverse[row] = 1 / s0;
  out.rate[row] = sums.rate;
  out.own_rate[row] = sums.own_rate;
  out.square[row] = sums.square;
  out.cross[row] = sums.cross;
  out.own_square[row] = sums.own_square;
  out.head[row] = head;
}

/// What a half-warp carries of its columns from tile to tile; the gradient is each lane's own part.
template <int kPasses>
struct ColumnCarry {
  double s1[kPasses] = {}, a1[kPasses] = {}, gradient[kPasses] = {};
};

/// Running sums of theta x down the tile's columns, half a warp each.
template <bool kTies, int kPasses>
__device__ __forceinline__ void scan_columns(const Design& design, const Tile& tile, const RowSums& rows,
                                             ColumnCarry<kPasses>& carry) {
  const int row = int(threadIdx.x) % kRows, half = int(threadIdx.x) % kWarp / kRows * kRows;
  const int warp_first = int(threadIdx.x) / kWarp * 2;
#pragma unroll
  for (int pass = 0; pass < kPasses; ++pass) {
    if (pass * kScans + warp_first >= design.parameters) continue;
    const int a = pass * kScans + int(threadIdx.x) / kRows;
    const bool inside = a < design.parameters;
    const int at = row * tile.stride + a;
    const double x = inside ? tile.x[at] : 0;
    const double s1 = carry.s1[pass] + prefix_sum<kRows>(rows.theta[row] * x);
    carry.s1[pass] = __shfl_sync(kFullMask, s1, half + kRows - 1);
    double a1 = 0;
    if constexpr (kTies) {
      const int head = rows.head[row];
      a1 = segment_sum<kRows>(rows.theta_died[row] * x, head) + (head < 0 ? carry.a1[pass] : 0);
      carry.a1[pass] = __shfl_sync(kFullMask, a1, half + kRows - 1);
    }
    carry.gradient[pass] += rows.death[row] * x - rows.rate[row] * s1 + rows.own_rate[row] * a1;
    if (!inside) continue;
    tile.s1[at] = s1 * rows.inverse[row];
    if constexpr (kTies) tile.a1[at] = a1 * rows.inverse[row];
  }
}

/// One entry of the information, as its thread keeps it: running sums of theta x_a x_b over all and over the current
/// group's deaths, and the two parts of the information.
struct Entry {
  double s2 = 0, a2 = 0, first = 0, second = 0;
};

/// Entry `index` of the lower triangle by rows.
struct Position {
  short a, b;
};

__device__ __forceinline__ Position position_of(int index) {
  int a = 0;
  while ((a + 1) * (a + 2) / 2 <= index) ++a;
  return {short(a), short(index - a * (a + 1) / 2)};
}

/// Not unrolled: registers are short.
template <bool kTies>
__device__ __forceinline__ void add_rows(const Tile& tile, const RowSums& rows, Position at, Entry& entry) {
#pragma unroll 1
  for (int row = 0; row < kRows; ++row) {
    const double* x = tile.x + row * tile.stride;
    const double product = x[at.a] * x[at.b];
    entry.s2 += rows.theta[row] * product;
    if constexpr (kTies) {
      if (rows.head[row] == row) entry.a2 = 0;
      entry.a2 += rows.theta_died[row] * product;
    }
    if (rows.rate[row] == 0) continue;  // no group ends here
    const double *s1 = tile.s1 + row * tile.stride, *a1 = tile.a1 + row * tile.stride;
    entry.first += rows.rate[row] * entry.s2;
    entry.second += rows.square[row] * s1[at.a] * s1[at.b];
    if constexpr (kTies) {
      entry.first -= rows.own_rate[row] * entry.a2;
      entry.second +=
          rows.own_square[row] * a1[at.a] * a1[at.b] - rows.cross[row] * (s1[at.a] * a1[at.b] + a1[at.a] * s1[at.b]);
    }
  }
}

/// Log-likelihood, gradient and information at shared.trial: one sweep over the patients, late to early.
template <class Kept, bool kTies>
__device__ __forceinline__ void evaluate(const FullScreenArgs& args, const Design& design, const Tile& tile,
                                         const Position (&at)[Kept::kEntries], Shared& shared) {
  constexpr int kEntries = Kept::kEntries, kPasses = Kept::kPasses;
  RowCarry row_carry;
  ColumnCarry<kPasses> column_carry;
  Entry entry[kEntries];
  for (dim_t first = 0; first < args.risk.patients; first += kRows) {
    load_tile(args, design, first, tile);
    __syncthreads();
    if (threadIdx.x < kWarp) scan_rows<kTies>(args, design, first, tile, shared, row_carry);
    __syncthreads();
    scan_columns<kTies>(design, tile, shared.rows, column_carry);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kEntries; ++k) add_rows<kTies>(tile, shared.rows, at[k], entry[k]);
    __syncthreads();
  }
#pragma unroll
  for (int pass = 0; pass < kPasses; ++pass) {
    const int a = pass * kScans + int(threadIdx.x) / kRows;
    const double gradient = warp_sum<kRows>(column_carry.gradient[pass]);
    if (threadIdx.x % kRows == 0 && a < design.parameters) shared.gradient[a] = gradient;
  }
  if (threadIdx.x < kWarp) {
    const double loglik = warp_sum(row_carry.loglik);
    if (threadIdx.x == 0) shared.loglik = loglik;
  }
#pragma unroll
  for (int k = 0; k < kEntries; ++k) {
    const int index = k * kThreads + int(threadIdx.x);
    if (index >= design.parameters * (design.parameters + 1) / 2) continue;
    tile.x[at[k].a * tile.stride + at[k].b] = entry[k].first - entry[k].second;
    if (at[k].a == at[k].b) shared.magnitude[at[k].a] = entry[k].first;
  }
  __syncthreads();
}

/// Coefficients, errors and the fit, by the first thread; `column`: scratch.
__device__ void write_fit(const FullScreenArgs& args, int parameters, const NewtonFit& newton, const double* factor,
                          double* column) {
  const dim_t place = blockIdx.x;
  for (int a = 0; a < parameters; ++a) args.coef[place * parameters + a] = newton.coefficient(a);
  standard_errors(factor, parameters, stride_of(parameters), column, args.se + place * parameters);
  const NewtonLane& course = newton.course();
  args.fits[place] = {course.start_loglik(), course.loglik(), course.score(), course.iterations(), course.status()};
}

/// Newton's method for one listed gene a block; the first thread decides and solves.
template <class Kept, bool kTies>
__global__ void __launch_bounds__(kThreads, 1) full_kernel(FullScreenArgs args) {
  EMU_DYNAMIC_SHARED(double, memory);
  EMU_SHARED(Shared, block, [1]);
  Shared& shared = block[0];
  const int parameters = int(args.num_covariates) + args.gene_terms, stride = stride_of(parameters);
  const Tile tile = {memory, memory + kRows * stride, memory + 2 * kRows * stride, stride};
  const std::uint64_t* column =
      args.gene_terms > 0 ? args.genes.bits + args.listed[blockIdx.x] * args.genes.words_per_gene : nullptr;
  const Design design = {column, int(args.num_covariates), parameters};
  Position at[Kept::kEntries];
#pragma unroll
  for (int k = 0; k < Kept::kEntries; ++k) {
    const int index = k * kThreads + int(threadIdx.x);  // threads beyond the last entry repeat the first
    at[k] = position_of(index < parameters * (parameters + 1) / 2 ? index : 0);
  }
  // Constructed by all threads, used by the first: its memory is shared.
  const double* start = args.start ? args.start + dim_t(blockIdx.x) * parameters : nullptr;
  NewtonFit newton(threadIdx.x == 0 ? parameters : 0, args.num_covariates, start, shared.beta, shared.step);
  const auto write_next = [&](bool running) {
    for (int a = 0; a < parameters; ++a) shared.trial[a] = newton.trial(a);
    shared.running = running;
  };
  if (threadIdx.x == 0) write_next(true);
  __syncthreads();
  while (shared.running) {
    evaluate<Kept, kTies>(args, design, tile, at, shared);
    if (threadIdx.x == 0)
      write_next(newton.take({shared.loglik, shared.gradient, shared.magnitude, tile.x, stride}, args.rule));
    __syncthreads();
  }
  if (threadIdx.x == 0) write_fit(args, parameters, newton, tile.x, shared.trial);
}

template <int kEntries>
void launch(Stream stream, const FullScreenArgs& args, int parameters) {
  const std::size_t bytes = std::size_t(shared_doubles(parameters)) * sizeof(double);
  const dim3 grid = grid_of(args.num_listed);
  if (args.risk.terms > args.risk.groups) {
    ENGRAM_LAUNCH((full_kernel<Shares<kEntries>, true>), grid, kThreads, bytes, stream, args);
  } else {
    ENGRAM_LAUNCH((full_kernel<Shares<kEntries>, false>), grid, kThreads, bytes, stream, args);
  }
}

}  // namespace

void full_screen_cuda(Stream stream, const FullScreenArgs& args) {
  if (args.num_listed == 0) return;
  const int parameters = int(args.num_covariates) + args.gene_terms;
  if (parameters <= Shares<1>::kParameters) return launch<1>(stream, args, parameters);
  if (parameters <= Shares<3>::kParameters) return launch<3>(stream, args, parameters);
  launch<9>(stream, args, parameters);
}

}  // namespace engram::kernels
