#include "kernels/survival_screen/risk_sets.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace engram::kernels {
namespace {

using Vector = std::vector<double>;

std::size_t at(dim_t i) {
  return static_cast<std::size_t>(i);
}

/// Cholesky factor L (row-major, lower) of a symmetric matrix of which the lower triangle is given. A column whose
/// pivot is below 1e-12 of its diagonal is left out: its row and column are 0.
Vector cholesky(Vector a, dim_t q) {
  for (dim_t j = 0; j < q; ++j) {
    const double diagonal = a[at(j * q + j)];
    double pivot = diagonal;
    for (dim_t k = 0; k < j; ++k) pivot -= a[at(j * q + k)] * a[at(j * q + k)];
    const double root = pivot > 1e-12 * diagonal ? std::sqrt(pivot) : 0;
    for (dim_t i = j + 1; i < q; ++i) {
      double sum = a[at(i * q + j)];
      for (dim_t k = 0; k < j; ++k) sum -= a[at(i * q + k)] * a[at(j * q + k)];
      a[at(i * q + j)] = root > 0 ? sum / root : 0;
    }
    a[at(j * q + j)] = root;
    if (root == 0) std::fill_n(a.begin() + j * q, j, 0.0);
  }
  return a;
}

/// h <- L^-1 h; 0 for columns left out.
void whiten(const Vector& factor, dim_t q, double* h) {
  for (dim_t j = 0; j < q; ++j) {
    double sum = h[j];
    for (dim_t k = 0; k < j; ++k) sum -= factor[at(j * q + k)] * h[k];
    h[j] = factor[at(j * q + j)] > 0 ? sum / factor[at(j * q + j)] : 0;
  }
}

void add_outer(double scale, const double* x, dim_t q, Vector& sum) {
  for (dim_t a = 0; a < q; ++a) {
    for (dim_t b = 0; b <= a; ++b) sum[at(a * q + b)] += scale * x[a] * x[b];
  }
}

void allocate(ScorePanel& panel, dim_t patients, dim_t num_covariates) {
  panel.patients = patients;
  panel.width = (kPanelCovariates + num_covariates + 7) / 8 * 8;
  panel.storage.assign(at(patients * panel.width + 8), 0.0);
  const auto address = reinterpret_cast<std::uintptr_t>(panel.storage.data());
  panel.rows = panel.storage.data() + (64 - address % 64) % 64 / sizeof(double);
}

/// Sums over the terms of a group, and what they become when all earlier deaths are added.
struct GroupSums {
  double increment = 0, own = 0;           // of weight / phi, and of that times the fraction
  double square = 0, cross = 0, both = 0;  // of weight / phi^2 times 1, fraction, fraction^2
};

/// Risk-set sums of the null model.
class NullModel {
 public:
  NullModel(const RiskSetView& risk, const double* covariates, dim_t q, const double* eta)
      : risk_(risk),
        q_(q),
        z_(at(risk.patients * q)),
        theta_(at(risk.patients)),
        groups_(at(risk.groups + 1)),
        mean_(at((risk.groups + 1) * q)),
        own_mean_(at((risk.groups + 1) * q)),
        information_(at(q * q)) {
    const double largest = *std::max_element(eta, eta + risk.patients);
    for (dim_t i = 0; i < risk.patients; ++i) {
      theta_[at(i)] = risk.weight[i] * std::exp(eta[i] - largest);
      for (dim_t k = 0; k < q; ++k) z_[at(i * q + k)] = covariates[k * risk.patients + i];
    }
    sum_groups();
    // From here on each group's sums are those of all deaths at or before its time.
    for (dim_t g = risk.groups - 1; g >= 0; --g) {
      groups_[at(g)].increment += groups_[at(g + 1)].increment;
      groups_[at(g)].square += groups_[at(g + 1)].square;
      for (dim_t k = 0; k < q; ++k) mean_[at(g * q + k)] += mean_[at((g + 1) * q + k)];
    }
  }

  /// The patient's panel row, covariates not yet whitened; adds to the covariates' information.
  void fill_row(dim_t i, double* row) {
    const dim_t g = risk_.first_group[i];
    const GroupSums& sums = groups_[at(g)];
    const bool died = risk_.event[i] != 0;
    const double hazard = sums.increment - (died ? sums.own : 0), theta = theta_[at(i)];
    row[kPanelResidual] = (died ? risk_.weight[i] : 0) - theta * hazard;
    row[kPanelOwnInformation] = theta * hazard;
    row[kPanelTheta] = theta;
    row[kPanelRemaining] = sums.square;
    for (dim_t k = 0; k < q_; ++k) {
      const double mean = mean_[at(g * q_ + k)] - (died ? own_mean_[at(g * q_ + k)] : 0);
      row[kPanelCovariates + k] = theta * (z_[at(i * q_ + k)] * hazard - mean);
    }
    add_outer(theta * hazard, &z_[at(i * q_)], q_, information_);
  }

  const Vector& information() const { return information_; }
  const GroupSums& group(dim_t g) const { return groups_[at(g)]; }

 private:
  void sum_groups() {
    double s0 = 0;
    Vector s1(at(q_)), a1(at(q_)), mean(at(q_));
    for (dim_t g = 0, i = 0; g < risk_.groups; ++g) {
      double a0 = 0;
      std::fill(a1.begin(), a1.end(), 0.0);
      for (; i < risk_.group_end[g]; ++i) {
        const double theta = theta_[at(i)];
        const bool died = risk_.event[i] != 0;
        s0 += theta;
        a0 += died ? theta : 0;
        for (dim_t k = 0; k < q_; ++k) {
          s1[at(k)] += theta * z_[at(i * q_ + k)];
          a1[at(k)] += died ? theta * z_[at(i * q_ + k)] : 0;
        }
      }
      for (dim_t t = risk_.group_terms[g]; t < risk_.group_terms[g + 1]; ++t) {
        const double fraction = risk_.term_fraction[t], phi = s0 - fraction * a0, rate = risk_.term_weight[t] / phi;
        GroupSums& sums = groups_[at(g)];
        sums.increment += rate;
        sums.own += rate * fraction;
        sums.square += rate / phi;
        sums.cross += rate / phi * fraction;
        sums.both += rate / phi * fraction * fraction;
        for (dim_t k = 0; k < q_; ++k) {
          mean[at(k)] = (s1[at(k)] - fraction * a1[at(k)]) / phi;
          mean_[at(g * q_ + k)] += rate * mean[at(k)];
          own_mean_[at(g * q_ + k)] += rate * fraction * mean[at(k)];
        }
        add_outer(-risk_.term_weight[t], mean.data(), q_, information_);
      }
    }
  }

  RiskSetView risk_;
  dim_t q_;
  Vector z_, theta_;
  std::vector<GroupSums> groups_;
  Vector mean_, own_mean_, information_;
};

}  // namespace

RiskSetView RiskSets::view() const {
  return {.patients = static_cast<dim_t>(event.size()),
          .groups = static_cast<dim_t>(group_end.size()),
          .terms = static_cast<dim_t>(term_weight.size()),
          .first_group = first_group.data(),
          .group_end = group_end.data(),
          .group_terms = group_terms.data(),
          .term_fraction = term_fraction.data(),
          .term_weight = term_weight.data(),
          .event = event.data(),
          .weight = weight.data()};
}

RiskSets make_risk_sets(const double* time, const std::uint8_t* event, const double* weight, dim_t patients,
                        CoxTies ties) {
  RiskSets out;
  out.event.assign(event, event + patients);
  out.weight.assign(at(patients), 1.0);
  if (weight) out.weight.assign(weight, weight + patients);
  out.group_terms.push_back(0);
  for (dim_t begin = 0, end = 0; begin < patients; begin = end) {
    dim_t deaths = 0;
    double death_weight = 0;
    for (; end < patients && time[end] == time[begin]; ++end) {
      out.first_group.push_back(static_cast<std::int32_t>(out.group_end.size()));
      if (!event[end]) continue;
      ++deaths;
      death_weight += out.weight[at(end)];
    }
    if (deaths == 0) continue;
    out.group_end.push_back(static_cast<std::int32_t>(end));
    const dim_t terms = ties == CoxTies::kEfron ? deaths : 1;
    for (dim_t t = 0; t < terms; ++t) {
      out.term_fraction.push_back(static_cast<double>(t) / static_cast<double>(deaths));
      out.term_weight.push_back(death_weight / static_cast<double>(terms));
    }
    out.group_terms.push_back(static_cast<std::int32_t>(out.term_weight.size()));
  }
  return out;
}

ScoreScreenArgs ScorePanel::args(const GeneView& genes, double* stats) const {
  const bool ties = !tied_group.empty();
  return {.genes = genes,
          .panel = rows,
          .width = width,
          .tied_group = ties ? tied_group.data() : nullptr,
          .first_group = ties ? first_group.data() : nullptr,
          .tie_cross = ties ? tie_cross.data() : nullptr,
          .tie_square = ties ? tie_square.data() : nullptr,
          .stats = stats};
}

ScorePanel make_cox_panel(const RiskSets& risk_sets, const double* covariates, dim_t num_covariates, const double* eta,
                          const std::uint8_t* treatment) {
  const RiskSetView risk = risk_sets.view();
  ScorePanel panel;
  allocate(panel, risk.patients, num_covariates);
  NullModel null(risk, covariates, num_covariates, eta);
  for (dim_t i = 0; i < risk.patients; ++i) {
    double* row = panel.rows + i * panel.width;
    null.fill_row(i, row);
    row[kPanelTreatment] = treatment[i];
  }
  const Vector factor = cholesky(null.information(), num_covariates);
  for (dim_t i = 0; i < risk.patients; ++i) {
    whiten(factor, num_covariates, panel.rows + i * panel.width + kPanelCovariates);
  }
  if (risk.terms > risk.groups) {  // Efron's ties, and there are some
    panel.first_group = risk_sets.first_group;
    panel.tied_group.assign(at(risk.patients), -1);
    for (dim_t i = 0; i < risk.patients; ++i) {
      const dim_t g = risk.first_group[i];
      if (risk.event[i] && risk.group_terms[g + 1] - risk.group_terms[g] > 1)
        panel.tied_group[at(i)] = static_cast<std::int32_t>(g);
    }
    for (dim_t g = 0; g < risk.groups; ++g) {
      panel.tie_cross.push_back(null.group(g).cross);
      panel.tie_square.push_back(null.group(g).both);
    }
  }
  return panel;
}

ScorePanel make_parametric_panel(const double* u, const double* w, const double* covariates, dim_t num_covariates,
                                 const std::uint8_t* treatment, dim_t patients) {
  ScorePanel panel;
  allocate(panel, patients, num_covariates);
  Vector information(at(num_covariates * num_covariates)), z(at(num_covariates));
  for (dim_t i = 0; i < patients; ++i) {
    double* row = panel.rows + i * panel.width;
    row[kPanelResidual] = u[i];
    row[kPanelOwnInformation] = w[i];
    row[kPanelTreatment] = treatment[i];
    for (dim_t k = 0; k < num_covariates; ++k) {
      z[at(k)] = covariates[k * patients + i];
      row[kPanelCovariates + k] = w[i] * z[at(k)];
    }
    add_outer(w[i], z.data(), num_covariates, information);
  }
  const Vector factor = cholesky(std::move(information), num_covariates);
  for (dim_t i = 0; i < patients; ++i) whiten(factor, num_covariates, panel.rows + i * panel.width + kPanelCovariates);
  return panel;
}

}  // namespace engram::kernels
