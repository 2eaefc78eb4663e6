/// engram-genes fit-cox, fit-aft and lasso: one model of chosen columns.

#include <algorithm>
#include <cmath>
#include <memory>

#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/output_file.h"
#include "apps/genes/commands.h"
#include "apps/genes/data_settings.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "models/genes/term_design.h"
#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_fit.h"
#include "models/survival/lasso_cox.h"
#include "models/survival/support.h"

namespace engram::apps {
namespace {

using genes::Cohort;

struct FitSettings {
  CohortSettings data;
  CommonOptions common;
  std::vector<std::string> main, product;
  std::string ties = "efron", distribution = "loglogistic";
  bool base = true, robust = false, stratify_treatment = false;
  double alpha = 1;
  std::int64_t folds = 10, lambdas = 100;
};

void add_settings(Cli& cli, FitSettings& s) {
  add_cohort_settings(cli, s.data);
  cli.group("Model");
  cli.option("base", &s.base, "Treatment and the clinical variables are in the model");
  cli.option("main", &s.main, "Genes whose main effects are in; '*' for all");
  cli.option("product", &s.product, "Genes whose products with treatment are in; '*' for all");
}

void add_ending(Cli& cli, FitSettings& s) {
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  add_file_option(cli, s.common.out, "the table as CSV");
}

void add_robust_settings(Cli& cli, FitSettings& s) {
  cli.option("robust", &s.robust, "Sandwich standard errors");
  add_cluster_role(cli, s.data);
}

survival::RobustOptions robust_options(const Cohort& cohort, const FitSettings& s) {
  return {.enabled = s.robust || !s.data.cluster.empty(), .cluster = cohort.cluster};
}

std::vector<dim_t> genes_of(const Cohort& cohort, const std::vector<std::string>& names) {
  std::vector<dim_t> genes;
  for (const std::string& name : names) {
    if (name != "*") genes.push_back(genes::find_gene(cohort, name));
    for (dim_t gene = 0; name == "*" && gene < cohort.num_genes(); ++gene) genes.push_back(gene);
  }
  return genes;
}

bool has_treatment(const FitSettings& s) {
  return !s.data.treatment.empty();
}

/// Columns of the base model: treatment, unless it has strata of its own or there is none, and clinical variables.
dim_t num_base_columns(const Cohort& cohort, const FitSettings& s) {
  if (!s.base) return 0;
  return cohort.num_clinical() + (has_treatment(s) && !s.stratify_treatment ? 1 : 0);
}

survival::CovariateMatrix columns_of(const Cohort& cohort, const FitSettings& s) {
  survival::CovariateMatrix matrix(cohort.num_patients());
  if (s.base) genes::add_base_columns(cohort, has_treatment(s) && !s.stratify_treatment, matrix);
  for (dim_t gene : genes_of(cohort, s.main))
    matrix.add(cohort.gene_names[std::size_t(gene)], genes::gene_column(cohort, gene));
  for (dim_t gene : genes_of(cohort, s.product))
    matrix.add(cohort.gene_names[std::size_t(gene)] + " x " + cohort.treatment_name,
               genes::product_column(cohort, gene));
  if (matrix.columns() == 0) throw UsageError("expected columns to fit, got none; hint: --main, --product or --base");
  return matrix;
}

/// A table in the file, if one was asked for.
std::unique_ptr<io::CsvWriter> csv_for(OutputFile& file, const std::vector<std::string>& header) {
  if (!file.is_open()) return nullptr;
  return std::make_unique<io::CsvWriter>([&file](std::string_view lines) { file.write(lines); }, header);
}

/// One line of a table of coefficients.
struct TermRow {
  std::string name;
  double coefficient = 0, se = 0, z = 0, log10_p = 0;
  const char* status = "ok";
  bool has_ratio = true;  ///< its exponential is a ratio of hazards or times

  bool has_interval() const { return has_ratio && se > 0 && std::string_view(status) != "infinite"; }
  double bound(double sign) const { return std::exp(coefficient + sign * 1.959963984540054 * se); }
};

/// A p-value that may lie below the smallest double: "1e-320".
std::string p_text(double log10_p) {
  char text[32];
  if (log10_p > -300) {
    std::snprintf(text, sizeof text, "%.3g", std::pow(10, log10_p));
  } else {
    std::snprintf(text, sizeof text, "1e%.0f", log10_p);
  }
  return text;
}

/// A ratio that may lie beyond the largest double.
std::string short_ratio(double ratio) {
  char text[32] = ">1e308";
  if (std::isfinite(ratio)) std::snprintf(text, sizeof text, "%.4g", ratio);
  return text;
}

/// Prints a table of coefficients, and writes it where a file was asked for.
class CoefficientTable {
 public:
  /// `ratio`: "hazard ratio" or "time ratio".
  CoefficientTable(OutputFile& file, const std::string& ratio) : file_(file) {
    std::string column = ratio;
    std::ranges::replace(column, ' ', '_');
    csv_ = csv_for(file, {"term", "coefficient", "se", "z", "log10_p", "status", "p", column, "lower_95", "upper_95"});
    print(file.text(), "%-24s %12s %12s %9s %9s  %-28s\n", "term", "coefficient", "se", "z", "p",
          (ratio + " (95 %)").c_str());
  }

  void row(const TermRow& r) {
    std::string ratio;
    if (r.has_interval())
      ratio = message(short_ratio(std::exp(r.coefficient)), " (", short_ratio(r.bound(-1)), " to ",
                      short_ratio(r.bound(1)), ")");
    print(file_.text(), "%-24s %12.6g %12.6g %9.3f %9s  %-28s %s\n", one_line(r.name).c_str(), r.coefficient, r.se, r.z,
          p_text(r.log10_p).c_str(), ratio.c_str(), r.status);
    few_ |= std::string_view(r.status) == "few";
    if (!csv_) return;
    csv_->cell(r.name).cell(r.coefficient).cell(r.se).cell(r.z).cell(r.log10_p).cell(r.status);
    csv_->cell(std::pow(10, r.log10_p));
    for (const double ratio : {std::exp(r.coefficient), r.bound(-1), r.bound(1)}) ratio_cell(r, ratio);
    csv_->end_row();
  }

  /// Commits the file, and says what the fit and the words for the terms' states mean.
  void finish(const survival::FitStatus& status) {
    if (csv_) csv_->commit();
    file_.commit();
    print(file_.text(), "converged: %s (%d iteration%s)\n", status.converged ? "yes" : "no", status.iterations,
          status.iterations == 1 ? "" : "s");
    if (status.num_infinite > 0)
      print(file_.text(), "infinite: the likelihood rises without end; there is no estimate, and no error of it\n");
    if (few_)
      print(file_.text(), "few: the coefficient rests on fewer than %.0f patients; its error and p-value do not hold\n",
            survival::kFewPatients);
  }

 private:
  /// Empty where there is no ratio, and where no double holds it: tables have finite numbers only.
  void ratio_cell(const TermRow& r, double ratio) {
    if (r.has_interval() && std::isfinite(ratio)) {
      csv_->cell(ratio);
    } else {
      csv_->cell("");
    }
  }

  OutputFile& file_;
  std::unique_ptr<io::CsvWriter> csv_;
  bool few_ = false;
};

const char* status_of(bool aliased, bool infinite, double support) {
  return aliased ? "aliased" : infinite ? "infinite" : support < survival::kFewPatients ? "few" : "ok";
}

Cohort cohort_of(const Call& call, const FitSettings& s) {
  apply_threads(s.common);
  CohortSettings settings = s.data;
  settings.need_genes = false;
  // Of one CSV file only the columns that the model names are read.
  const auto all = [](const std::vector<std::string>& names) { return std::ranges::find(names, "*") != names.end(); };
  if (settings.genes.empty()) {
    settings.need_genes = all(s.main) || all(s.product);
    if (!settings.need_genes) {
      settings.genes = s.main;
      for (const std::string& gene : s.product)
        if (std::ranges::find(settings.genes, gene) == settings.genes.end()) settings.genes.push_back(gene);
    }
  }
  if (!has_treatment(s) && !(s.product.empty() && !s.stratify_treatment))
    throw UsageError("--treatment: expected a column for products or strata of treatment, got none");
  genes::LoadedCohort data = load_data(settings);
  print_findings(call, data);
  if (genes::count_events(data.cohort) == 0) throw DataError("[genes] expected deaths, got none");
  if (s.stratify_treatment) genes::stratify_by_treatment(data.cohort);
  return std::move(data.cohort);
}

}  // namespace

int run_fit_cox(Call& call) {
  FitSettings s;
  Cli cli(call, "Fits one Cox model and prints coefficients and tests.");
  add_settings(cli, s);
  cli.option("ties", &s.ties, "Equal death times").choices({"efron", "breslow"});
  add_fit_roles(cli, s.data);
  add_robust_settings(cli, s);
  cli.option("stratify-treatment", &s.stratify_treatment, "A baseline hazard for each arm instead of a coefficient");
  add_ending(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  const Cohort cohort = cohort_of(call, s);
  if (cli.only_checks()) return kExitOk;
  OutputFile out(call, s.common.out);
  const survival::SurvivalDesign design(genes::outcome_of(cohort), columns_of(cohort, s));
  survival::CoxOptions options;
  options.ties = s.ties == "efron" ? survival::CoxTies::kEfron : survival::CoxTies::kBreslow;
  const survival::CoxModel model(design, options);
  const survival::CoxFit fit = survival::fit_cox(model, design.all_columns(), robust_options(cohort, s));
  CoefficientTable table(out, "hazard ratio");
  for (const survival::CoefficientRow& row : fit.table) {
    table.row({row.name, row.coefficient, row.standard_error, row.z, row.log10_p,
               status_of(row.aliased, row.infinite, row.support)});
  }
  table.finish(fit.status);
  const std::vector<double> risk = survival::centered_linear_predictor(design, fit);
  print(out.text(), "n %lld, deaths %lld, log partial likelihood %.8g (null %.8g), concordance %.6f\n",
        static_cast<long long>(fit.rows), static_cast<long long>(fit.num_events), fit.status.loglik, fit.loglik_null,
        survival::concordance(genes::outcome_of(cohort), risk).index);
  return kExitOk;
}

int run_fit_aft(Call& call) {
  FitSettings s;
  Cli cli(call, "Fits one accelerated-failure-time model; patients with times of 0 or less are left out.");
  add_settings(cli, s);
  cli.option("distribution", &s.distribution, "Law of the time").choices({"loglogistic", "lognormal", "weibull"});
  add_entry_role(cli, s.data);
  add_robust_settings(cli, s);
  add_ending(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  const Cohort all = cohort_of(call, s), cohort = genes::select_patients(all, genes::positive_times(all));
  if (cli.only_checks()) return kExitOk;
  OutputFile out(call, s.common.out);
  const survival::SurvivalDesign design(genes::outcome_of(cohort), columns_of(cohort, s));
  survival::AftOptions options;
  options.distribution = survival::parse_distribution(s.distribution);
  const survival::AftModel model(design, options);
  const survival::AftFit fit = survival::fit_aft(model, design.all_columns(), robust_options(cohort, s));
  CoefficientTable table(out, "time ratio");
  for (std::size_t j = 0; j < fit.names.size(); ++j) {
    const bool column = j > 0 && j + 1 < fit.names.size();
    const char* status =
        status_of(fit.aliased[j] != 0, fit.infinite[j] != 0, column ? fit.support[j - 1] : survival::kFewPatients);
    table.row({fit.names[j], fit.estimate[j], fit.standard_error[j], fit.z[j], fit.log10_p[j],
               fit.scale_vanishes && !fit.infinite[j] && !fit.aliased[j] ? "no_maximum" : status, column});
  }
  table.finish(fit.status);
  if (fit.scale_vanishes) print(out.text(), "no_maximum: the columns determine the times, so nothing has an error\n");
  print(out.text(), "n %lld, log likelihood %.8g (intercept only %.8g), AIC %.8g, scale %.6g\n",
        static_cast<long long>(design.rows()), fit.status.loglik, fit.loglik_intercept_only, fit.aic, fit.scale);
  return kExitOk;
}

int run_lasso(Call& call) {
  FitSettings s;
  s.main = s.product = {"*"};
  Cli cli(call,
          "Elastic-net Cox path; treatment and clinical variables are not penalised. Prints the "
          "coefficients at the cross-validated minimum.");
  add_settings(cli, s);
  add_fit_roles(cli, s.data);
  cli.option("alpha", &s.alpha, "1: lasso; towards 0: ridge").at_least(0.001).at_most(1);
  cli.option("lambdas", &s.lambdas, "Length of the path").at_least(2).at_most(1000);
  cli.option("folds", &s.folds, "Cross-validation").at_least(2).at_most(100);
  add_ending(cli, s);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  const Cohort cohort = cohort_of(call, s);
  if (cli.only_checks()) return kExitOk;
  OutputFile out(call, s.common.out);
  const survival::CovariateMatrix matrix = columns_of(cohort, s);
  survival::LassoCvOptions options;
  options.seed = s.common.seed;
  options.folds = s.folds;
  options.lasso.alpha = s.alpha;
  options.lasso.num_lambda = s.lambdas;
  options.lasso.penalty_factor.assign(std::size_t(matrix.columns()), 1.0);
  std::fill_n(options.lasso.penalty_factor.begin(), num_base_columns(cohort, s), 0.0);
  const survival::LassoCv cv = survival::lasso_cox_cv(genes::outcome_of(cohort), matrix, options);
  const std::vector<double> coefficients = cv.path.dense(cv.index_min);
  const std::unique_ptr<io::CsvWriter> csv = csv_for(out, {"term", "coefficient"});
  for (std::size_t j = 0; j < coefficients.size(); ++j) {
    if (coefficients[j] == 0) continue;
    print(out.text(), "%-24s %12.6g\n", one_line(matrix.names()[j]).c_str(), coefficients[j]);
    if (csv) csv->cell(matrix.names()[j]).cell(coefficients[j]).end_row();
  }
  if (csv) csv->commit();
  out.commit();
  print(out.text(), "lambda %.6g (step %lld of %zu), largest within one standard error %.6g\n",
        cv.path.steps[std::size_t(cv.index_min)].lambda, static_cast<long long>(cv.index_min + 1), cv.path.steps.size(),
        cv.path.steps[std::size_t(cv.index_1se)].lambda);
  return kExitOk;
}

}  // namespace engram::apps
