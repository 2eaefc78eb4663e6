/// engram-analyze lrp

#include "apps/analyze/attribution_sheet.h"
#include "apps/analyze/commands.h"
#include "apps/common/exit_code.h"
#include "models/methods/metrics/relevance.h"

namespace engram::apps {

int run_lrp(Call& call) {
  AttributionSettings s;
  std::string rule = "sglrp";
  Cli cli(call, "Shows which pixels each network's answer rests on, by layer-wise relevance propagation.");
  add_attribution_settings(cli, s);
  cli.group("Relevance");
  cli.option("rule", &rule,
             "sglrp: the class's relevance beyond that of the other classes; zplus: of the class's logit alone")
      .choices({"sglrp", "zplus"});
  if (!cli.parse()) return kExitOk;
  const RelevanceStart start = rule == "sglrp" ? RelevanceStart::kSoftmaxGradient : RelevanceStart::kLogit;
  return run_attribution(
      call, s,
      [start](const Subject& subject, const Tensor& images, const std::vector<std::int32_t>& classes,
              const ChannelRange& channels) {
        return relevance_maps(subject.network(), images, classes, subject.classifier.normalization, {start, channels});
      });
}

}  // namespace engram::apps
