#include "kernels/survival_screen/screen_cpu.h"

namespace engram::kernels {

Cost score_screen_cost(const GeneView& genes, dim_t width) {
  dim_t carriers = 0;
  for (dim_t j = 0; j < genes.genes; ++j) carriers += genes.counts[j];
  return {carriers * (8 * width + 4), 8 * kNumScoreStatistics * genes.genes, carriers * (3 * width + 16)};
}

Cost cell_screen_cost(const GeneView& genes, dim_t terms, dim_t evaluations) {
  dim_t carriers = 0;
  for (dim_t j = 0; j < genes.genes; ++j) carriers += genes.counts[j];
  const dim_t passes = genes.genes * terms * evaluations;
  return {carriers * 12 + passes * 40, genes.genes * dim_t(sizeof(CellFit)), passes * 64};
}

Cost full_screen_cost(dim_t patients, dim_t terms, dim_t coefficients, dim_t evaluations) {
  // Linear predictor and sums for each patient, a triangle of products for each patient and each term.
  const dim_t triangle = coefficients * (coefficients + 1);
  return {evaluations * 8 * patients * coefficients, 16 * coefficients,
          evaluations * (patients * (triangle + 4 * coefficients + 30) + terms * (triangle + 4 * coefficients + 30))};
}

const SurvivalScreenKernels kCpuSurvivalScreen = {score_screen_cpu, cell_screen_cpu, full_screen_cpu,
                                                  cell_screen_workspace_cpu, full_screen_workspace_cpu};

}  // namespace engram::kernels
