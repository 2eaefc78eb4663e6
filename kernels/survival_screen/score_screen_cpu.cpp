#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/vec_math_f64.h"
#include "kernels/survival_screen/carriers.h"
#include "kernels/survival_screen/screen_cpu.h"

namespace engram::kernels {
namespace {

/// Running sums of theta over carriers (all, treated), and what the sum over deaths of their products has become:
/// sum over terms of weight (Sb - f Ab)(Sb' - f Ab') / phi^2.
struct Products {
  double s_g = 0, s_gt = 0;
  double gg = 0, ggt = 0, gtgt = 0;

  /// A carrier joins the risk sets of all deaths at or before its time. Between carriers the running sums are constant,
  /// so each adds the growth of the product times the sum of W / S0^2 over those deaths.
  ENGRAM_ALWAYS_INLINE void join(double theta, double remaining, double treated) {
    const double theta_t = theta * treated;
    gg += theta * (2 * s_g + theta) * remaining;
    ggt += (theta * s_gt + theta_t * (s_g + theta)) * remaining;
    gtgt += theta_t * (2 * s_gt + theta_t) * remaining;
    s_g += theta;
    s_gt += theta_t;
  }
};

/// Efron's corrections: the carriers among the deaths of the current group of several deaths.
struct TiedDeaths {
  std::int32_t group = -1;
  double a_g = 0, a_gt = 0;

  /// Ends the group, at whose time the running sums are those of `products`.
  ENGRAM_ALWAYS_INLINE void finish(const ScoreScreenArgs& args, Products& products) {
    if (group < 0) return;
    const double cross = args.tie_cross[group], square = args.tie_square[group];
    products.gg += square * a_g * a_g - 2 * cross * products.s_g * a_g;
    products.ggt += square * a_g * a_gt - cross * (products.s_g * a_gt + products.s_gt * a_g);
    products.gtgt += square * a_gt * a_gt - 2 * cross * products.s_gt * a_gt;
    *this = {};
  }

  ENGRAM_ALWAYS_INLINE void add(std::int32_t tied_group, double theta, double treated) {
    if (tied_group < 0) return;
    group = tied_group;
    a_g += theta;
    a_gt += theta * treated;
  }
};

/// Score statistics of one gene for a panel of `vectors` (at most kMost) vectors a row: sums of the columns over all
/// and over treated carriers, and what the covariates explain of them.
template <int kMost>
ENGRAM_ALWAYS_INLINE void score_gene(const ScoreScreenArgs& args, dim_t gene, dim_t vectors, double* stats) {
  static_assert(kPanelCovariates == 5);
  Vec8d sum[kMost] = {}, treated_sum[kMost] = {};
  Products products;
  TiedDeaths tied;
  for_each_carrier(
      args.genes, gene, [&](dim_t i) __attribute__((always_inline)) {
        const double* row = args.panel + i * args.width;
        const double treated = row[kPanelTreatment], theta = row[kPanelTheta];
        for (dim_t v = 0; v < vectors; ++v) {
          const Vec8d values = load8d(row + v * kLanes8d);
          sum[v] += values;
          treated_sum[v] += values * treated;
        }
        if (args.tied_group) {
          if (tied.group != args.first_group[i]) tied.finish(args, products);
          tied.add(args.tied_group[i], theta, treated);
        }
        products.join(theta, row[kPanelRemaining], treated);
      });
  if (args.tied_group) tied.finish(args, products);

  constexpr Mask8d kCovariateLanes = {0, 0, 0, 0, 0, -1, -1, -1};
  Vec8d gg = {}, ggt = {}, gtgt = {};
  for (dim_t v = 0; v < vectors; ++v) {
    const Vec8d g = v > 0 ? sum[v] : from_bits(bits_of(sum[v]) & kCovariateLanes);
    const Vec8d gt = v > 0 ? treated_sum[v] : from_bits(bits_of(treated_sum[v]) & kCovariateLanes);
    gg += g * g;
    ggt += g * gt;
    gtgt += gt * gt;
  }
  stats[kScoreG] = sum[0][int{kPanelResidual}];
  stats[kScoreGt] = treated_sum[0][int{kPanelResidual}];
  stats[kInformationG] = sum[0][int{kPanelOwnInformation}] - products.gg - sum_lanes8d(gg);
  stats[kInformationGGt] = treated_sum[0][int{kPanelOwnInformation}] - products.ggt - sum_lanes8d(ggt);
  stats[kInformationGt] = treated_sum[0][int{kPanelOwnInformation}] - products.gtgt - sum_lanes8d(gtgt);
}

/// Genes [begin, end). Up to four vectors a row stay in registers.
ENGRAM_MULTIVERSION void score_genes(const ScoreScreenArgs& args, dim_t begin, dim_t end) {
  const dim_t vectors = args.width / kLanes8d;
  for (dim_t j = begin; j < end; ++j) {
    double* stats = args.stats + j * kNumScoreStatistics;
    switch (vectors) {
      case 1:
        score_gene<1>(args, j, 1, stats);
        break;
      case 2:
        score_gene<2>(args, j, 2, stats);
        break;
      case 3:
        score_gene<3>(args, j, 3, stats);
        break;
      case 4:
        score_gene<4>(args, j, 4, stats);
        break;
      default:
        score_gene<kMaxPanelWidth / kLanes8d>(args, j, vectors, stats);
        break;
    }
  }
}

}  // namespace

void score_screen_cpu(Stream, const ScoreScreenArgs& args) {
  constexpr dim_t kGenes = 16;
  const dim_t blocks = (args.genes.genes + kGenes - 1) / kGenes;
  const dim_t carriers = args.genes.genes ? args.genes.list_offsets[args.genes.genes] / args.genes.genes + 1 : 0;
  parallel_for(blocks, kGenes * carriers * args.width, [&](dim_t block) {
    score_genes(args, block * kGenes, std::min(args.genes.genes, (block + 1) * kGenes));
  });
}

}  // namespace engram::kernels
