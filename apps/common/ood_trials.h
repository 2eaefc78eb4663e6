#pragma once
/// Drawn settings of methods for out-of-distribution generalisation.

#include <string>

#include "apps/common/ood_settings.h"

namespace engram::apps {

/// The settings of trial number `trial`: those given for trial 0, else with learning rate, weight decay, batch size and
/// the method's own settings drawn from DomainBed's ranges (domainbed/hparams_registry.py; those of small images where
/// the image's side is at most 28). Lengths in steps are drawn as shares of DomainBed's 5001 steps. Settings that
/// DomainBed has no range for keep their value, except for DecAug, whose weight of the orthogonal term is drawn from
/// 10^U(-4, 0) and whose step of the augmentation from 10^U(-0.5, 1.7). A full batch stays one. A function of settings,
/// seed and trial.
OodSettings draw_trial(const OodSettings& settings, int trial, dim_t image_side);

}  // namespace engram::apps
