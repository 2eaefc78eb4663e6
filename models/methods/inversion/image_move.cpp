#include "models/methods/inversion/image_move.h"

#include "engine/ops/channel_scale.h"
#include "models/training/staged.h"

namespace engram {

StagedMove::StagedMove(const Device& device) : jitter_(make_jitter(0, 0, false, device)) {}

void StagedMove::stage(const ImageMove& move) {
  stage_values(jitter_, std::vector<std::int32_t>{move.dy, move.dx, move.flip ? 1 : 0});
}

}  // namespace engram
