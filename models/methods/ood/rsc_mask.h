#pragma once
/// The masks of representation self-challenging (Huang et al. 2020): the features that a decision rests on are muted.

#include "engine/tensor.h"

namespace engram {

/// [N,D] of 0 and 1 as DomainBed makes it: in each row of `gradient`, the label's logit by the features, entries at or
/// above the percentile 100 (1 - share) are muted.
Tensor muted_features(const Tensor& gradient, double share);

/// 1 for the samples [N,1] that keep their mask: those whose `drop` in probability [N] is not below the percentile 100
/// (1 - share) of the batch.
Tensor challenged_samples(const Tensor& drop, double share);

/// As the authors' code makes them, on maps [N,C,H,W]; `gradient` is the label's logit by the map. Scores of positions
/// [N,H W] are sum_c x_c mean(gradient_c), those of channels [N,C] the mean gradients.
Tensor position_scores(const Tensor& maps, const Tensor& gradient);
Tensor channel_scores(const Tensor& gradient);
/// 0 where a score exceeds the one at this position of its row in descending order, else 1.
Tensor muted_above(const Tensor& scores, dim_t position);
/// 1 for the samples [N,1] that keep their mask: max(0, drop - 1e-4) exceeds the value at position round(N fraction) in
/// descending order.
Tensor challenged_samples_released(const Tensor& drop, double fraction);

}  // namespace engram
