#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/survival_screen/prefix_sum.cuh"
#include "kernels/survival_screen/screen_cuda.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 128;  // a warp a gene
static_assert(kPanelCovariates == 5 && kPanelResidual == 0 && kPanelOwnInformation == 1);

/// A gene's sums so far. The running sums of theta over all and over treated carriers, and the current group's deaths,
/// are the same in all lanes; the products (see score_screen_cpu.cpp) are each lane's own part.
struct GeneSums {
  double s_g = 0, s_gt = 0;
  double gg = 0, ggt = 0, gtgt = 0;
  int group = -1;
  double a_g = 0, a_gt = 0;

  /// Efron's correction for a group whose dead carriers sum to a_g and a_gt, at running sums s_g and s_gt.
  __device__ __forceinline__ void correct(const ScoreScreenArgs& args, int at, double s_g, double s_gt, double a_g,
                                          double a_gt) {
    const double cross = args.tie_cross[at], square = args.tie_square[at];
    gg += square * a_g * a_g - 2 * cross * s_g * a_g;
    ggt += square * a_g * a_gt - cross * (s_g * a_gt + s_gt * a_g);
    gtgt += square * a_gt * a_gt - 2 * cross * s_gt * a_gt;
  }

  /// Ends the current group.
  __device__ __forceinline__ void finish_group(const ScoreScreenArgs& args) {
    if (a_g > 0 && threadIdx.x % kWarp == 0) correct(args, group, s_g, s_gt, a_g, a_gt);
  }
};

/// One patient a lane, in risk order; those that are no carriers have theta 0, and -1 stands for none at all.
struct Lane {
  dim_t patient;
  bool carrier;
  double treated;
};

/// The lanes' patients join the risk sets.
template <bool kTies>
__device__ __forceinline__ void join(const ScoreScreenArgs& args, const Lane& own, GeneSums& sums) {
  const int lane = int(threadIdx.x) % kWarp;
  const double* row = args.panel + own.patient * args.width;
  const double theta = own.carrier ? row[kPanelTheta] : 0, remaining = own.carrier ? row[kPanelRemaining] : 0;
  const double theta_t = theta * own.treated;
  const double after_g = sums.s_g + prefix_sum<kWarp>(theta), after_gt = sums.s_gt + prefix_sum<kWarp>(theta_t);
  const double before_g = after_g - theta, before_gt = after_gt - theta_t;
  sums.gg += theta * (2 * before_g + theta) * remaining;
  sums.ggt += (theta * before_gt + theta_t * (before_g + theta)) * remaining;
  sums.gtgt += theta_t * (2 * before_gt + theta_t) * remaining;
  if constexpr (kTies) {
    const int group = own.patient >= 0 ? args.first_group[own.patient] : -1;
    if (__shfl_sync(kFullMask, group, 0) != sums.group) {
      sums.finish_group(args);
      sums.a_g = sums.a_gt = 0;
    }
    const int head = segment_head<kWarp>(group, sums.group);
    const bool died = own.carrier && args.tied_group[own.patient] >= 0;
    double a_g = segment_sum<kWarp>(died ? theta : 0, head), a_gt = segment_sum<kWarp>(died ? theta_t : 0, head);
    if (head < 0) {
      a_g += sums.a_g;
      a_gt += sums.a_gt;
    }
    // The last lane's group may go on.
    const int next = __shfl_down_sync(kFullMask, group, 1u);
    if (lane < kWarp - 1 && next != group && a_g > 0) sums.correct(args, group, after_g, after_gt, a_g, a_gt);
    sums.group = __shfl_sync(kFullMask, group, kWarp - 1);
    sums.a_g = __shfl_sync(kFullMask, a_g, kWarp - 1);
    sums.a_gt = __shfl_sync(kFullMask, a_gt, kWarp - 1);
  }
  sums.s_g = __shfl_sync(kFullMask, after_g, kWarp - 1);
  sums.s_gt = __shfl_sync(kFullMask, after_gt, kWarp - 1);
}

/// Adds the carriers' rows to the sums of kColumns columns a lane, over all and over treated carriers. Groups of kLanes
/// lanes take every (32 / kLanes)th carrier.
template <int kLanes, int kColumns>
__device__ __forceinline__ void add_rows(const ScoreScreenArgs& args, const Lane& own, double (&sum)[kColumns],
                                         double (&treated_sum)[kColumns]) {
  constexpr int kGroups = kWarp / kLanes;
  const int group = int(threadIdx.x) % kWarp / kLanes, first = int(threadIdx.x) % kLanes;
  unsigned rest = __ballot_sync(kFullMask, own.carrier);
  while (rest != 0) {
    int source = -1;
#pragma unroll
    for (int k = 0; k < kGroups; ++k) {
      if (k == group) source = __ffs(int(rest)) - 1;
      rest &= rest - 1;
    }
    const int lane = source < 0 ? 0 : source;
    const dim_t patient = __shfl_sync(kFullMask, own.patient, lane);
    const double treated = __shfl_sync(kFullMask, own.treated, lane);
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int column = first + k * kLanes;
      if (source < 0 || column >= args.width) continue;
      const double value = args.panel[patient * args.width + column];
      sum[k] += value;
      treated_sum[k] += value * treated;
    }
  }
}

/// The statistics of one gene a warp, for panels of at most kLanes * kColumns columns.
template <int kLanes, int kColumns, bool kTies>
__global__ void __launch_bounds__(kThreads, 6) score_kernel(ScoreScreenArgs args) {
  const int lane = int(threadIdx.x) % kWarp;
  const dim_t gene = dim_t(blockIdx.x) * (kThreads / kWarp) + int(threadIdx.x) / kWarp;
  if (gene >= args.genes.genes) return;
  GeneSums sums;
  double sum[kColumns] = {}, treated_sum[kColumns] = {};
  const auto take = [&](Lane own) {
    own.treated = own.carrier ? args.panel[own.patient * args.width + kPanelTreatment] : 0;
    join<kTies>(args, own, sums);
    add_rows<kLanes, kColumns>(args, own, sum, treated_sum);
  };
  const dim_t begin = args.genes.list_offsets[gene], count = args.genes.counts[gene];
  if (args.genes.list_offsets[gene + 1] - begin == count) {
    for (dim_t first = 0; first < count; first += kWarp) {
      const bool carrier = first + lane < count;
      take({carrier ? dim_t(args.genes.lists[begin + first + lane]) : -1, carrier, 0});
    }
  } else {
    const std::uint64_t* column = args.genes.bits + gene * args.genes.words_per_gene;
    for (dim_t first = 0; first < args.genes.patients; first += kWarp) {
      const auto bits = unsigned(column[first / 64] >> (first % 64));
      if (bits == 0) continue;
      const dim_t patient = first + lane;
      take({patient < args.genes.patients ? patient : -1, (bits >> lane & 1) != 0, 0});
    }
  }
  if constexpr (kTies) sums.finish_group(args);

#pragma unroll
  for (int k = 0; k < kColumns; ++k) {
#pragma unroll
    for (int offset = kLanes; offset < kWarp; offset *= 2) {
      sum[k] += __shfl_xor_sync(kFullMask, sum[k], offset);
      treated_sum[k] += __shfl_xor_sync(kFullMask, treated_sum[k], offset);
    }
    const int column = lane + k * kLanes;
    if (lane >= kLanes || column < kPanelCovariates) continue;  // columns beyond the width are 0
    sums.gg += sum[k] * sum[k];
    sums.ggt += sum[k] * treated_sum[k];
    sums.gtgt += treated_sum[k] * treated_sum[k];
  }
  const double gg = warp_sum(sums.gg), ggt = warp_sum(sums.ggt), gtgt = warp_sum(sums.gtgt);
  const double own = __shfl_sync(kFullMask, sum[0], int{kPanelOwnInformation});
  const double own_treated = __shfl_sync(kFullMask, treated_sum[0], int{kPanelOwnInformation});
  if (lane != 0) return;
  double* stats = args.stats + gene * kNumScoreStatistics;
  stats[kScoreG] = sum[0];
  stats[kScoreGt] = treated_sum[0];
  stats[kInformationG] = own - gg;
  stats[kInformationGGt] = own_treated - ggt;
  stats[kInformationGt] = own_treated - gtgt;
}

template <int kLanes, int kColumns>
void launch(Stream stream, const ScoreScreenArgs& args) {
  const dim3 grid = grid_of(ceil_div(args.genes.genes, kThreads / kWarp));
  if (args.tied_group) {
    ENGRAM_LAUNCH((score_kernel<kLanes, kColumns, true>), grid, kThreads, 0, stream, args);
  } else {
    ENGRAM_LAUNCH((score_kernel<kLanes, kColumns, false>), grid, kThreads, 0, stream, args);
  }
}

}  // namespace

void score_screen_cuda(Stream stream, const ScoreScreenArgs& args) {
  if (args.genes.genes == 0) return;
  if (args.width <= 8) return launch<8, 1>(stream, args);
  if (args.width <= 16) return launch<16, 1>(stream, args);
  if (args.width <= 32) return launch<32, 1>(stream, args);
  if (args.width <= 64) return launch<32, 2>(stream, args);
  launch<32, 4>(stream, args);
}

}  // namespace engram::kernels
