#include <algorithm>

#include "kernels/common/sigmoid_f64.h"
#include "kernels/logistic_likelihood/logistic_likelihood.h"

namespace engram::kernels {
namespace {

ENGRAM_MULTIVERSION void likelihood_rows(const LogisticLikelihoodArgs& args) {
  Vec8d total = {};
  for (dim_t i = 0; i < args.rows; i += 8) {
    const dim_t count = std::min<dim_t>(8, args.rows - i);
    double lanes[8];
    for (int k = 0; k < 8; ++k) lanes[k] = k < int(count) && args.response[i + k] ? 1. : 0.;
    const Vec8d y = load8d(lanes);
    const Vec8d eta = count == 8 ? load8d(args.eta + i) : load_partial8d(args.eta + i, count, 0);
    const Vec8d w = count == 8 ? load8d(args.weight + i) : load_partial8d(args.weight + i, count, 0);
    const Sigmoid s = sigmoid8d(eta);
    total += w * (y * eta - s.log1p_exp);
    store_partial8d(args.probability + i, s.p, count);
    // For y = 1 the difference y - p is q, which keeps its digits where p is close to 1.
    store_partial8d(args.gradient + i, w * (y > 0. ? s.q : -s.p), count);
    store_partial8d(args.curvature + i, w * (s.p * s.q), count);
  }
  *args.loglik = sum_lanes8d(total);
}

void likelihood(Stream, const LogisticLikelihoodArgs& args) {
  likelihood_rows(args);
}

}  // namespace

const LogisticLikelihoodKernels kCpuLogisticLikelihood = {.likelihood = likelihood};

}  // namespace engram::kernels
