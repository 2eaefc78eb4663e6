#include "apps/common/ood_trials.h"

#include <cmath>
#include <map>
#include <vector>

#include "engine/random.h"
#include "models/component.h"
#include "models/methods/ood/ood_registry.h"

namespace engram::apps {
namespace {

constexpr double kDomainBedSteps = 5001;

/// How a setting is drawn.
struct Range {
  enum class Kind { kUniform, kPowerOfTen, kPowerOfTwo, kChoice } kind;
  double low = 0, high = 0;  ///< of the number or of its exponent; a choice is one of the two
  bool whole = false;        ///< rounded down
  bool steps = false;        ///< a length, scaled to this training's
};

using Ranges = std::map<std::string, Range>;
using Kind = Range::Kind;

/// The ranges of a method's settings, by their names here.
Ranges ranges_of(const std::string& method) {
  const Ranges penalty = {{"lambda", {Kind::kPowerOfTen, -1, 5}}, {"anneal", {Kind::kPowerOfTen, 0, 4, true, true}}};
  const Ranges matching = {{"gamma", {Kind::kPowerOfTen, -1, 1}}};
  const Ranges adversary = {
      {"lambda", {Kind::kPowerOfTen, -2, 2}},       {"weight_decay_d", {Kind::kPowerOfTen, -6, -2}},
      {"d_steps", {Kind::kPowerOfTwo, 0, 3, true}}, {"grad_penalty", {Kind::kPowerOfTen, -2, 1}},
      {"beta1", {Kind::kChoice, 0, 0.5}},           {"width", {Kind::kPowerOfTwo, 6, 10, true}}};
  const Ranges decaug = {{"lambda_orth", {Kind::kPowerOfTen, -4, 0}}, {"aug_eps", {Kind::kPowerOfTen, -0.5, 1.7}}};
  const std::map<std::string, Ranges> all = {
      {"irm", penalty},
      {"vrex", penalty},
      {"mm-rex", penalty},
      {"group-dro", {{"eta", {Kind::kPowerOfTen, -3, -1}}}},
      {"mixup", {{"alpha", {Kind::kPowerOfTen, -1, 1}}}},
      {"coral", matching},
      {"mmd", matching},
      {"dann", adversary},
      {"cdann", adversary},
      {"mldg", {{"beta", {Kind::kPowerOfTen, -1, 1}}, {"meta_test", {Kind::kChoice, 1, 2, true}}}},
      {"rsc", {{"feature_share", {Kind::kUniform, 0, 0.5}}, {"batch_share", {Kind::kUniform, 0, 0.5}}}},
      {"sagnet", {{"adversary", {Kind::kPowerOfTen, -2, 1}}}},
      {"sagnet-maps", {{"adversary", {Kind::kPowerOfTen, -2, 1}}}},
      {"fishr",
       {{"lambda", {Kind::kPowerOfTen, 1, 4}},
        {"anneal", {Kind::kUniform, 0, 5000, true, true}},
        {"ema", {Kind::kUniform, 0.9, 0.99}}}},
      {"eqrm",
       {{"quantile", {Kind::kUniform, 0.5, 0.99}},
        {"burnin", {Kind::kPowerOfTen, 2.5, 3.5, true, true}},
        {"lr", {Kind::kPowerOfTen, -7, -5}}}},
      {"decaug", decaug},
      {"decaug-paper", decaug}};
  const auto found = all.find(method);
  return found == all.end() ? Ranges{} : found->second;
}

/// Draws in the order in which they are asked for.
class Draws {
 public:
  Draws(std::uint64_t seed, int trial) : random_(Generator(seed).split(0x747269616c).split(std::uint64_t(trial))) {}

  double draw(const Range& range, double scale_of_steps) {
    const double u = random_.number();
    const double at = range.low + (range.high - range.low) * u;
    double value = range.kind == Kind::kPowerOfTen   ? std::pow(10, at)
                   : range.kind == Kind::kPowerOfTwo ? std::exp2(at)
                   : range.kind == Kind::kChoice     ? (u < 0.5 ? range.low : range.high)
                                                     : at;
    if (range.steps) value *= scale_of_steps;
    return range.whole ? std::floor(value) : value;
  }

 private:
  Generator random_;
};

}  // namespace

OodSettings draw_trial(const OodSettings& given, int trial, dim_t image_side) {
  if (trial == 0) return given;
  OodSettings s = given;
  Draws draws(given.common.seed, trial);
  const bool small = image_side <= 28;
  const auto draw = [&](const Range& range) { return draws.draw(range, double(given.steps) / kDomainBedSteps); };
  s.optimizer.lr = draw(small ? Range{Kind::kPowerOfTen, -4.5, -2.5} : Range{Kind::kPowerOfTen, -5, -3.5});
  const double decay = draw({Kind::kPowerOfTen, -6, -2}), batch = draw({Kind::kPowerOfTwo, 3, small ? 9.0 : 5.5, true});
  s.optimizer.weight_decay = small ? 0 : decay;
  if (given.batch_size > 0) s.batch_size = std::int64_t(batch);
  Component method = parse_component(given.method);
  for (const auto& [name, range] : ranges_of(method.name)) {
    const double value = draw(range);
    if (range.whole)
      method.settings[name] = std::int64_t(value);
    else
      method.settings[name] = value;
  }
  s.method = to_string(method);
  return s;
}

}  // namespace engram::apps
