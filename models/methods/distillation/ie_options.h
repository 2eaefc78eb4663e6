#pragma once
/// Settings that the inheriting and exploring methods have in common (docs/methods/distillation.md, "IE-KD").

#include "models/methods/distillation/channel_halves.h"
#include "models/methods/distillation/distillation_loss.h"

namespace engram {

struct IeOptions {
  TermOptions term = {};
  HalvesOptions halves = {};
  double inherit = 50;  ///< factor of the inheriting half's term
  double explore = 50;  ///< factor of the exploring half's term
  bool flip = false;    ///< the exploring half is drawn to the teacher too
};

/// Binds them; `source` says where the factors come from.
inline Settings ie_settings(IeOptions& o, const std::string& source) {
  Settings settings = term_settings(o.term, "1; the two factors are in the term");
  settings.push_back({"inherit", &o.inherit, "factor of the inheriting half; default: " + source});
  settings.push_back({"explore", &o.explore, "factor of the exploring half; default: " + source});
  settings.push_back({"share", &o.halves.share, "share of the channels that inherit"});
  settings.push_back({"split", &o.halves.split, "natural: the first channels inherit; random: drawn once"});
  settings.push_back({"flip", &o.flip, "turn the sign of the exploring half's term, for an ablation"});
  return settings;
}

/// inherit * a + explore * b, where the one that has no channels is left out; `parts` become the two, 0 for none.
Tensor ie_total(const IeOptions& options, const Tensor& inherited, const Tensor& explored, const Device& device,
                std::vector<Tensor>& parts);

}  // namespace engram
