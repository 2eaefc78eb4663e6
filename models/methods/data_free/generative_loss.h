#pragma once
/// The generator's loss of DAFL, ZSKT, DFAD and DFQ as CMI's benchmark states them all (docs/methods/data_free.md,
/// "CMI's benchmark").

#include "engine/tensor.h"

namespace engram {

/// What measures how far a student is from its teacher.
enum class StudentDistance {
  kKl,  ///< KL(softmax t || softmax s), temperature 1, mean over rows
  kL1   ///< mean |s - t| over all logits
};
Tensor student_distance(StudentDistance distance, const Tensor& student_logits, const Tensor& teacher_logits);

/// Coefficients; terms of weight 0 are recorded but add nothing.
struct GenerativeWeights {
  float adv = 0;      ///< of minus the student's distance
  float bn = 0;       ///< of the statistics' distance
  float oh = 0;       ///< of one_hot_loss
  float act = 0;      ///< of activation_loss
  float balance = 0;  ///< of class_balance
  StudentDistance distance = StudentDistance::kKl;
};

/// What the networks said of generated images.
struct GenerativeAnswers {
  Tensor teacher;   ///< logits [B,C]
  Tensor features;  ///< [B,D]: what the teacher pools; undefined where act is 0
  Tensor student;   ///< logits [B,C]; undefined where adv is 0
  Tensor bn;        ///< scalar: the statistics' distance; undefined where bn is 0
};

/// Scalars, the terms without their coefficients; a term that was not computed is 0.
struct GenerativeLoss {
  Tensor total, bn, oh, act, adv, balance;
};
GenerativeLoss generative_loss(const GenerativeAnswers& answers, const GenerativeWeights& weights);

}  // namespace engram
