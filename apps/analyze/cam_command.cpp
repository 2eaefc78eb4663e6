/// engram-analyze cam

#include "apps/analyze/attribution_sheet.h"
#include "apps/analyze/commands.h"
#include "apps/common/exit_code.h"
#include "models/methods/metrics/grad_cam.h"

namespace engram::apps {

int run_cam(Call& call) {
  AttributionSettings s;
  Cli cli(call, "Shows where the last map of each network speaks for a class (Grad-CAM), over the images.");
  add_attribution_settings(cli, s);
  if (!cli.parse()) return kExitOk;
  return run_attribution(call, s,
                         [](const Subject& subject, const Tensor& images, const std::vector<std::int32_t>& classes,
                            const ChannelRange& channels) {
                           return enlarge_maps(grad_cam(subject.network(), images, classes, channels), images.dim(2),
                                               images.dim(3));
                         });
}

}  // namespace engram::apps
