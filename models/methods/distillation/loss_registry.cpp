#include "models/methods/distillation/loss_registry.h"

#include <set>

namespace engram {

const DistillationRegistry& distillation_registry() {
  static const DistillationRegistry registry = [] {
    DistillationRegistry r("distillation method");
    for (const auto add : {add_kd,  add_fitnet, add_at,   add_ft,   add_od,   add_sp,    add_cc,    add_vid,
                           add_rkd, add_pkt,    add_ab,   add_nst,  add_fsp,  add_crd,   add_cka,   add_tf_kd,
                           add_dkd, add_review, add_dist, add_mlkd, add_ctkd, add_ie_at, add_ie_ft, add_ie_od})
      add(r);
    return r;
  }();
  return registry;
}

std::vector<std::string> split_terms(const std::string& text) {
  std::vector<std::string> terms = {""};
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (!quoted) depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == '+' && depth == 0 && !quoted)
      terms.emplace_back();
    else
      terms.back() += c;
  }
  return terms;
}

std::vector<std::unique_ptr<DistillationLoss>> make_distillation_losses(const std::string& text,
                                                                        const LossContext& context) {
  std::vector<std::unique_ptr<DistillationLoss>> losses;
  std::set<std::string> names;
  for (const std::string& term : split_terms(text)) {
    losses.push_back(distillation_registry().make(term, context));
    if (const std::string name = parse_component(term).name; !names.insert(name).second)
      throw UsageError(message("expected each distillation method once, got '", name, "' twice in '", text, "'"));
  }
  return losses;
}

}  // namespace engram
