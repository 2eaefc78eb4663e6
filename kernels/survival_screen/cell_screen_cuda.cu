#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/survival_screen/cell_likelihood.h"
#include "kernels/survival_screen/prefix_sum.cuh"
#include "kernels/survival_screen/screen_cuda.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 128, kWarps = kThreads / kWarp;
/// Blocks of the fits, each with its part of the workspace; they take genes in turn.
constexpr dim_t kMaxBlocks = 512;
/// Sums of an evaluation: those of CellSums.
constexpr int kSums = 1 + 3 + 6;

dim_t blocks_of(dim_t genes) {
  return std::min(genes, kMaxBlocks);
}

/// Patients at risk, less fraction times deaths, at every term: of one arm after the other.
struct Arms {
  double *untreated, *treated;
};

__device__ __forceinline__ Arms arms_at(double* memory, dim_t terms) {
  return {memory, memory + terms};
}

/// Where things lie in the workspace: sums of all patients by arm, the deaths of the treated, then each block's gene.
struct Layout {
  dim_t terms;
  __host__ __device__ dim_t deaths() const { return 2 * terms; }
  __host__ __device__ dim_t block(dim_t index) const { return 2 * terms + 1 + index * 2 * terms; }
};

/// Whether the patient is counted: all are if there is no gene.
__device__ __forceinline__ bool counts(const std::uint64_t* column, dim_t i) {
  return !column || (column[i / 64] >> (i % 64) & 1) != 0;
}

/// Weighted deaths: of all members, and of the treated.
struct MemberDeaths {
  double all, treated;
};

/// First step: writes the sums at risk of each group to its first term. A warp walks a range of patients.
__device__ __forceinline__ MemberDeaths sum_at_risk(const CellScreenArgs& args, const std::uint64_t* column, Arms out,
                                                    double (*scratch)[kWarps]) {
  const RiskSetView& risk = args.risk;
  const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  const dim_t range = (risk.patients + kThreads - 1) / kThreads * kWarp;
  const dim_t begin = warp * range, end = begin + range < risk.patients ? begin + range : risk.patients;
  double own[4] = {};
  for (dim_t i = begin + lane; i < end; i += kWarp) {
    if (!counts(column, i)) continue;
    const bool treated = args.treatment[i] != 0;
    const double death = risk.event[i] ? risk.weight[i] : 0;
    own[0] += treated ? 0 : args.theta[i];
    own[1] += treated ? args.theta[i] : 0;
    own[2] += death;
    own[3] += treated ? death : 0;
  }
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    own[k] = warp_sum(own[k]);
    if (lane == 0) scratch[k][warp] = own[k];
  }
  __syncthreads();
  double at_risk[2] = {}, deaths[2] = {};
  for (int w = 0; w < kWarps; ++w) {
    at_risk[0] += w < warp ? scratch[0][w] : 0;
    at_risk[1] += w < warp ? scratch[1][w] : 0;
    deaths[0] += scratch[2][w];
    deaths[1] += scratch[3][w];
  }
  for (dim_t first = begin; first < end; first += kWarp) {
    const dim_t i = first + lane;
    const bool member = i < end && counts(column, i), treated = member && args.treatment[i] != 0;
    const double theta = member ? args.theta[i] : 0;
    const double untreated_sum = at_risk[0] + prefix_sum<kWarp>(treated ? 0 : theta);
    const double treated_sum = at_risk[1] + prefix_sum<kWarp>(treated ? theta : 0);
    const int group = i < end ? risk.first_group[i] : int(risk.groups);
    if (group < risk.groups && i + 1 == risk.group_end[group]) {
      out.untreated[risk.group_terms[group]] = untreated_sum;
      out.treated[risk.group_terms[group]] = treated_sum;
    }
    at_risk[0] = __shfl_sync(kFullMask, untreated_sum, kWarp - 1);
    at_risk[1] = __shfl_sync(kFullMask, treated_sum, kWarp - 1);
  }
  return {deaths[0], deaths[1]};
}

/// The further terms of a group with several, by a warp.
__device__ __forceinline__ void fill_tied_group(const CellScreenArgs& args, const std::uint64_t* column, dim_t group,
                                                Arms out) {
  const RiskSetView& risk = args.risk;
  const int lane = int(threadIdx.x) % kWarp;
  double untreated = 0, treated = 0;
  for (dim_t i = (group > 0 ? risk.group_end[group - 1] : 0) + lane; i < risk.group_end[group]; i += kWarp) {
    if (!risk.event[i] || !counts(column, i)) continue;
    untreated += args.treatment[i] ? 0 : args.theta[i];
    treated += args.treatment[i] ? args.theta[i] : 0;
  }
  untreated = warp_sum(untreated);
  treated = warp_sum(treated);
  const dim_t first = risk.group_terms[group];  // of fraction 0
  for (dim_t t = first + 1 + lane; t < risk.group_terms[group + 1]; t += kWarp) {
    out.untreated[t] = out.untreated[first] - risk.term_fraction[t] * untreated;
    out.treated[t] = out.treated[first] - risk.term_fraction[t] * treated;
  }
}

/// Second step, where there are ties: each warp looks through 32 groups at a time.
__device__ __forceinline__ void fill_tied_groups(const CellScreenArgs& args, const std::uint64_t* column, Arms out) {
  const RiskSetView& risk = args.risk;
  const int lane = int(threadIdx.x) % kWarp;
  for (dim_t first = dim_t(threadIdx.x) - lane; first < risk.groups; first += kThreads) {
    const dim_t group = first + lane;
    const bool tied = group < risk.groups && risk.group_terms[group + 1] - risk.group_terms[group] > 1;
    for (unsigned rest = __ballot_sync(kFullMask, tied); rest != 0; rest &= rest - 1)
      fill_tied_group(args, column, first + __ffs(int(rest)) - 1, out);
  }
}

/// Both steps; the block sees the result after its next barrier.
__device__ __forceinline__ MemberDeaths count_members(const CellScreenArgs& args, const std::uint64_t* column, Arms out,
                                                      double (*scratch)[kWarps]) {
  const MemberDeaths deaths = sum_at_risk(args, column, out, scratch);
  if (args.risk.terms > args.risk.groups) {
    __syncthreads();
    fill_tied_groups(args, column, out);
  }
  return deaths;
}

/// All patients: one block.
__global__ void __launch_bounds__(kThreads, 1) totals_kernel(CellScreenArgs args, double* deaths) {
  EMU_SHARED(double, scratch, [kSums][kWarps]);
  const MemberDeaths all = count_members(args, nullptr, arms_at(args.workspace, args.risk.terms), scratch);
  if (threadIdx.x == 0) *deaths = all.treated;
}

/// Not below 0: where all are carriers the difference may be a rounding error.
__device__ __forceinline__ double others(double all, double carriers) {
  return all > carriers ? all - carriers : 0;
}

/// This thread's part of the sums over terms (see cell_screen_cpu.cpp) at the given hazard ratios of g, treatment and
/// both.
__device__ __forceinline__ void add_terms(const RiskSetView& risk, Arms all, Arms carriers, const double (&ratio)[3],
                                          double (&sum)[kSums]) {
  for (dim_t k = threadIdx.x; k < risk.terms; k += kThreads) {
    const double w = risk.term_weight[k];
    const double carriers_u = carriers.untreated[k], carriers_t = carriers.treated[k];
    const double g = carriers_u * ratio[0], t = others(all.treated[k], carriers_t) * ratio[1],
                 gt = carriers_t * ratio[2];
    const double total = others(all.untreated[k], carriers_u) + g + t + gt, inverse = 1 / total;
    const double m_g = (g + gt) * inverse, m_t = (t + gt) * inverse, m_gt = gt * inverse;
    sum[0] += w * log(total);
    sum[1] += w * m_g;
    sum[2] += w * m_t;
    sum[3] += w * m_gt;
    sum[4] += w * (m_g - m_g * m_g);
    sum[5] += w * (m_gt - m_g * m_t);
    sum[6] += w * (m_t - m_t * m_t);
    sum[7] += w * (m_gt - m_g * m_gt);
    sum[8] += w * (m_gt - m_t * m_gt);
    sum[9] += w * (m_gt - m_gt * m_gt);
  }
}

/// Hazard ratios of the next evaluation, and whether there is one.
struct Next {
  double ratio[3];
  bool running;
};

__device__ __forceinline__ Next next_of(const NewtonFit& newton, bool running) {
  const double g = newton.trial(0), t = newton.trial(1);
  return {{exp(g), exp(t), exp(g + t + newton.trial(2))}, running};
}

/// Newton's method for one gene a block; the first thread decides. Blocks take genes in turn.
__global__ void __launch_bounds__(kThreads) cell_kernel(CellScreenArgs args, const double* all_deaths) {
  EMU_SHARED(double, scratch, [kSums][kWarps]);
  EMU_SHARED(Next, next, [1]);
  const RiskSetView& risk = args.risk;
  const Arms all = arms_at(args.workspace, risk.terms);
  const Arms carriers = arms_at(args.workspace + Layout{risk.terms}.block(blockIdx.x), risk.terms);
  for (dim_t gene = blockIdx.x; gene < args.genes.genes; gene += gridDim.x) {
    const MemberDeaths died =
        count_members(args, args.genes.bits + gene * args.genes.words_per_gene, carriers, scratch);
    const CellDeaths deaths = {{died.all, *all_deaths, died.treated}};
    double beta[kCellParameters], step[kCellParameters];
    NewtonFit newton(kCellParameters, 0, args.start ? args.start + kCellParameters * gene : nullptr, beta, step);
    CellEvaluation now;
    if (threadIdx.x == 0) next[0] = next_of(newton, true);
    __syncthreads();
    for (;;) {
      const Next at = next[0];
      if (!at.running) break;
      double sum[kSums] = {};
      add_terms(risk, all, carriers, at.ratio, sum);
      block_sums<kThreads>(sum, scratch);
      if (threadIdx.x == 0) {
        const CellSums sums = {sum[0], {sum[1], sum[2], sum[3]}, {sum[4], sum[5], sum[6], sum[7], sum[8], sum[9]}};
        now = cell_evaluation(sums, deaths, newton, args.offset_sum, args.free);
        const bool running = newton.take(now.view(), args.rule);
        next[0] = next_of(newton, running);
      }
      __syncthreads();
    }
    if (threadIdx.x == 0) args.fits[gene] = cell_fit(newton, now);
  }
}

}  // namespace

dim_t cell_screen_workspace_cuda(const RiskSetView& risk, dim_t genes) {
  return Layout{risk.terms}.block(blocks_of(genes));
}

void cell_screen_cuda(Stream stream, const CellScreenArgs& args) {
  if (args.genes.genes == 0) return;
  double* const deaths = args.workspace + Layout{args.risk.terms}.deaths();
  ENGRAM_LAUNCH(totals_kernel, dim3(1), kThreads, 0, stream, args, deaths);
  ENGRAM_LAUNCH(cell_kernel, grid_of(blocks_of(args.genes.genes)), kThreads, 0, stream, args, deaths);
}

}  // namespace engram::kernels
