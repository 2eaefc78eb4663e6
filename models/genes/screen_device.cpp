#include "models/genes/screen_device.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/storage.h"
#include "kernels/survival_screen/survival_screen.h"

namespace engram::genes {
namespace {

/// Operands of one call where the device reaches them. On the CPU they stay where they are.
class Operands {
 public:
  explicit Operands(const Device& device) : device_(device) {}

  template <class T>
  const T* in(const T* host, dim_t count) {
    if (device_.is_cpu() || host == nullptr) return host;
    T* const there = memory<T>(count);
    copy_to_device(device_, there, host, sizeof(T) * std::size_t(count));
    return there;
  }

  template <class T>
  T* out(T* host, dim_t count) {
    if (device_.is_cpu()) return host;
    T* const there = memory<T>(count);
    results_.push_back({host, there, sizeof(T) * std::size_t(count)});
    return there;
  }

  double* workspace(dim_t doubles) { return memory<double>(doubles); }

  kernels::GeneView in(kernels::GeneView genes) {
    const dim_t listed = genes.list_offsets[genes.genes];
    genes.bits = in(genes.bits, genes.genes * genes.words_per_gene);
    genes.counts = in(genes.counts, genes.genes);
    genes.list_offsets = in(genes.list_offsets, genes.genes + 1);
    genes.lists = in(genes.lists, listed);
    return genes;
  }

  kernels::RiskSetView in(kernels::RiskSetView risk) {
    risk.first_group = in(risk.first_group, risk.patients);
    risk.group_end = in(risk.group_end, risk.groups);
    risk.group_terms = in(risk.group_terms, risk.groups + 1);
    risk.term_fraction = in(risk.term_fraction, risk.terms);
    risk.term_weight = in(risk.term_weight, risk.terms);
    risk.event = in(risk.event, risk.patients);
    risk.weight = in(risk.weight, risk.patients);
    return risk;
  }

  /// Copies the results back.
  void fetch() const {
    for (const Result& r : results_) copy_to_host(device_, r.host, r.there, r.bytes);
  }

 private:
  struct Result {
    void* host;
    const void* there;
    std::size_t bytes;
  };

  template <class T>
  T* memory(dim_t count) {
    blocks_.push_back(std::make_unique<Storage>(sizeof(T) * std::size_t(std::max<dim_t>(count, 1)), device_));
    return static_cast<T*>(blocks_.back()->data());
  }

  Device device_;
  std::vector<std::unique_ptr<Storage>> blocks_;
  std::vector<Result> results_;
};

/// Groups that the tie corrections reach: up to the last with several deaths.
dim_t tied_groups(const kernels::ScoreScreenArgs& args) {
  dim_t groups = 0;
  for (dim_t i = 0; args.tied_group && i < args.genes.patients; ++i)
    groups = std::max(groups, dim_t(args.tied_group[i]) + 1);
  return groups;
}

}  // namespace

void ScreenDevice::score(const kernels::ScoreScreenArgs& args) const {
  Operands operands(device_);
  const dim_t patients = args.genes.patients, groups = tied_groups(args);
  kernels::ScoreScreenArgs a = args;
  a.genes = operands.in(args.genes);
  a.panel = operands.in(args.panel, patients * args.width);
  a.tied_group = operands.in(args.tied_group, patients);
  a.first_group = operands.in(args.first_group, patients);
  a.tie_cross = operands.in(args.tie_cross, groups);
  a.tie_square = operands.in(args.tie_square, groups);
  a.stats = operands.out(args.stats, args.genes.genes * kernels::kNumScoreStatistics);
  backend(device_).survival_screen.score(current_stream(device_), a);
  operands.fetch();
}

void ScreenDevice::cells(const kernels::CellScreenArgs& args) const {
  const kernels::SurvivalScreenKernels& screen = backend(device_).survival_screen;
  Operands operands(device_);
  const dim_t patients = args.risk.patients, genes = args.genes.genes;
  kernels::CellScreenArgs a = args;
  a.genes = operands.in(args.genes);
  a.risk = operands.in(args.risk);
  a.theta = operands.in(args.theta, patients);
  a.treatment = operands.in(args.treatment, patients);
  a.start = operands.in(args.start, 3 * genes);
  a.workspace = operands.workspace(screen.cell_workspace(args.risk, genes));
  a.fits = operands.out(args.fits, genes);
  screen.cells(current_stream(device_), a);
  operands.fetch();
}

void ScreenDevice::full(const kernels::FullScreenArgs& args) const {
  const kernels::SurvivalScreenKernels& screen = backend(device_).survival_screen;
  Operands operands(device_);
  const dim_t patients = args.risk.patients, columns = args.num_covariates + args.gene_terms;
  kernels::FullScreenArgs a = args;
  a.genes = operands.in(args.genes);
  a.risk = operands.in(args.risk);
  a.covariates = operands.in(args.covariates, args.num_covariates * patients);
  a.offset = operands.in(args.offset, patients);
  a.treatment = operands.in(args.treatment, patients);
  a.listed = operands.in(args.listed, args.num_listed);
  a.start = operands.in(args.start, args.num_listed * columns);
  a.workspace = operands.workspace(screen.full_workspace(args.risk, columns));
  a.coef = operands.out(args.coef, args.num_listed * columns);
  a.se = operands.out(args.se, args.num_listed * columns);
  a.fits = operands.out(args.fits, args.num_listed);
  screen.full(current_stream(device_), a);
  operands.fetch();
}

}  // namespace engram::genes
