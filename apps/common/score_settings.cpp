#include "apps/common/score_settings.h"

#include "apps/common/common_options.h"
#include "apps/common/data_settings.h"

namespace engram::apps {

void add_score_settings(Cli& cli, ScoreSettings& s) {
  cli.positional("fake", &s.made,
                 "Made images: a pool, class folders of PNG or JPEG, or the run folder of engram-invert")
      .only_on_command_line()
      .input();
  cli.group("Against what");
  cli.option("real", &s.real, "Real images, whose training part counts; or a file that --statistics made")
      .only_on_command_line()
      .required("resume")
      .input();
  cli.option("dataset", &s.dataset, "Kind of the data set").choices(dataset_kinds());
  add_limit_option(cli, s.limit, "made images");
  cli.option("real-limit", &s.real_limit, "Take so many real images of each part, spread evenly over it; 0 takes all")
      .at_least(0);
  cli.group("By whom");
  cli.option("extractor", &s.extractors,
             "Classifiers whose pooled features are compared; best several that were trained by themselves")
      .required("resume")
      .input();
  cli.option("judge", &s.judges, "Further classifiers of which only the accuracy is asked").input();
  cli.option("classifier", &s.classifier, "The classifier that the images were made from; a run folder says it itself")
      .input();
  add_classifier_options(cli, s.assumed);
  cli.group("How");
  cli.option("neighbors", &s.neighbors, "k of precision, recall, density and coverage").at_least(1).at_most(1000);
  cli.option("neighborhood-images", &s.neighborhood_images, "Most images of each set that these four look at; 0 is all")
      .at_least(0);
  cli.option("splits", &s.splits, "Of the inception score").at_least(1).at_most(10000);
  cli.option("resamples", &s.resamples, "Bootstrap draws for the intervals; below 2 there are none")
      .at_least(0)
      .at_most(100000);
  cli.option("pictures", &s.pictures, "Made images that are shown beside their nearest real ones")
      .at_least(0)
      .at_most(100);
  cli.option("statistics", &s.statistics,
             "Make no scores but statistics.safetensors, with which others can do without the real images");
  add_seed_option(cli, s.common);
  add_running_options(cli, s.common);
  cli.option("batch-size", &s.batch_size, "Images at a time").at_least(1).at_most(65536);
  add_compute_options(cli, s.common);
  add_resumable_run_options(cli, s.common);
  cli.footer(dataset_help());
}

}  // namespace engram::apps
