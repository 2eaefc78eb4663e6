/// engram-genes fit-cox, fit-aft and lasso: one model of chosen columns.

#include <algorithm>
#include <cmath>
#include <memory>

#include "apps/common/common_options.h"
#include "apps/common/exit_code.h"
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

namespace engram::apps {
namespace {

using genes::Cohort;

struct FitSettings {
  DataSettings data;
  CommonOptions common;
  std::vector<std::string> main, product;
  std::string ties = "efron", distribution = "loglogistic";
  bool base = true, robust = false;
  double alpha = 1;
  std::int64_t folds = 10, lambdas = 100;
};

void add_settings(Cli& cli, FitSettings& s) {
  add_data_settings(cli, s.data);
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

std::vector<dim_t> genes_of(const Cohort& cohort, const std::vector<std::string>& names) {
  std::vector<dim_t> genes;
  for (const std::string& name : names) {
    if (name != "*") genes.push_back(genes::find_gene(cohort, name));
    for (dim_t gene = 0; name == "*" && gene < cohort.num_genes(); ++gene) genes.push_back(gene);
  }
  return genes;
}

survival::CovariateMatrix columns_of(const Cohort& cohort, const FitSettings& s) {
  survival::CovariateMatrix matrix(cohort.num_patients());
  if (s.base) genes::add_base_columns(cohort, true, matrix);
  for (dim_t gene : genes_of(cohort, s.main))
    matrix.add(cohort.gene_names[std::size_t(gene)], genes::gene_column(cohort, gene));
  for (dim_t gene : genes_of(cohort, s.product))
    matrix.add(cohort.gene_names[std::size_t(gene)] + " x treatment", genes::product_column(cohort, gene));
  if (matrix.columns() == 0) throw UsageError("expected columns to fit, got none; hint: --main, --product or --base");
  return matrix;
}

/// A table in the file, if one was asked for.
std::unique_ptr<io::CsvWriter> csv_for(OutputFile& file, const std::vector<std::string>& header) {
  if (!file.is_open()) return nullptr;
  return std::make_unique<io::CsvWriter>([&file](std::string_view lines) { file.write(lines); }, header);
}

/// Prints a table of coefficients, and writes it where a file was asked for.
class CoefficientTable {
 public:
  explicit CoefficientTable(OutputFile& file) : file_(file) {
    csv_ = csv_for(file, {"term", "coefficient", "se", "z", "log10_p", "status"});
    print(file.text(), "%-24s %12s %12s %9s %9s\n", "term", "coefficient", "se", "z", "log10 p");
  }

  void row(const std::string& name, double coefficient, double se, double z, double log10_p, const char* status) {
    print(file_.text(), "%-24s %12.6g %12.6g %9.3f %9.2f %s\n", name.c_str(), coefficient, se, z, log10_p, status);
    if (!csv_) return;
    csv_->cell(name).cell(coefficient).cell(se).cell(z).cell(log10_p).cell(status);
    csv_->end_row();
  }

  void finish() {
    if (csv_) csv_->commit();
    file_.commit();
  }

 private:
  OutputFile& file_;
  std::unique_ptr<io::CsvWriter> csv_;
};

const char* status_of(bool aliased, bool infinite) {
  return aliased ? "aliased" : infinite ? "infinite" : "ok";
}

Cohort cohort_of(const Call& call, const FitSettings& s) {
  apply_threads(s.common);
  genes::LoadedCohort data = load_data(s.data);
  print_findings(call, data);
  if (genes::count_events(data.cohort) == 0) throw DataError("[genes] expected deaths, got none");
  return std::move(data.cohort);
}

}  // namespace

int run_fit_cox(Call& call) {
  FitSettings s;
  Cli cli(call, "Fits one Cox model and prints coefficients and tests.");
  add_settings(cli, s);
  cli.option("ties", &s.ties, "Equal death times").choices({"efron", "breslow"});
  cli.option("robust", &s.robust, "Sandwich standard errors");
  add_ending(cli, s);
  if (!cli.parse()) return kExitOk;
  OutputFile out(call, s.common.out);
  const Cohort cohort = cohort_of(call, s);
  const survival::SurvivalDesign design(genes::outcome_of(cohort), columns_of(cohort, s));
  survival::CoxOptions options;
  options.ties = s.ties == "efron" ? survival::CoxTies::kEfron : survival::CoxTies::kBreslow;
  const survival::CoxModel model(design, options);
  const survival::CoxFit fit = survival::fit_cox(model, design.all_columns(), {.enabled = s.robust});
  CoefficientTable table(out);
  for (const survival::CoefficientRow& row : fit.table)
    table.row(row.name, row.coefficient, row.standard_error, row.z, row.log10_p, status_of(row.aliased, row.infinite));
  table.finish();
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
  cli.option("robust", &s.robust, "Sandwich standard errors");
  add_ending(cli, s);
  if (!cli.parse()) return kExitOk;
  OutputFile out(call, s.common.out);
  const Cohort all = cohort_of(call, s), cohort = genes::select_patients(all, genes::positive_times(all));
  const survival::SurvivalDesign design(genes::outcome_of(cohort), columns_of(cohort, s));
  survival::AftOptions options;
  options.distribution = survival::parse_distribution(s.distribution);
  const survival::AftModel model(design, options);
  const survival::AftFit fit = survival::fit_aft(model, design.all_columns(), {.enabled = s.robust});
  CoefficientTable table(out);
  for (std::size_t j = 0; j < fit.names.size(); ++j)
    table.row(fit.names[j], fit.estimate[j], fit.standard_error[j], fit.z[j], fit.log10_p[j],
              status_of(fit.aliased[j] != 0, fit.infinite[j] != 0));
  table.finish();
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
  cli.option("alpha", &s.alpha, "1: lasso; towards 0: ridge").at_least(0.001).at_most(1);
  cli.option("lambdas", &s.lambdas, "Length of the path").at_least(2).at_most(1000);
  cli.option("folds", &s.folds, "Cross-validation").at_least(2).at_most(100);
  add_ending(cli, s);
  if (!cli.parse()) return kExitOk;
  OutputFile out(call, s.common.out);
  const Cohort cohort = cohort_of(call, s);
  const survival::CovariateMatrix matrix = columns_of(cohort, s);
  survival::LassoCvOptions options;
  options.seed = s.common.seed;
  options.folds = s.folds;
  options.lasso.alpha = s.alpha;
  options.lasso.num_lambda = s.lambdas;
  options.lasso.penalty_factor.assign(std::size_t(matrix.columns()), 1.0);
  if (s.base) std::fill_n(options.lasso.penalty_factor.begin(), 1 + cohort.num_clinical(), 0.0);
  const survival::LassoCv cv = survival::lasso_cox_cv(genes::outcome_of(cohort), matrix, options);
  const std::vector<double> coefficients = cv.path.dense(cv.index_min);
  const std::unique_ptr<io::CsvWriter> csv = csv_for(out, {"term", "coefficient"});
  for (std::size_t j = 0; j < coefficients.size(); ++j) {
    if (coefficients[j] == 0) continue;
    print(out.text(), "%-24s %12.6g\n", matrix.names()[j].c_str(), coefficients[j]);
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
