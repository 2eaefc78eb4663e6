# The adjusted screen by R's compiled Cox core, looped over the genes: bench/peers/compare_screen runs it.
#   Rscript peer_screen.R COHORT_FOLDER WARMUP STEPS MODELS
# MODELS 1: the model with the product, which has a Wald test; 2: also the one without it, which the likelihood-ratio test needs.
# One process, one thread. coxph.fit() is what coxph() calls after it has parsed its formula; residuals are left out.

suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
warmup <- as.integer(arguments[2])
steps <- as.integer(arguments[3])
models <- as.integer(arguments[4])

read_columns <- function(name) {
  columns <- as.matrix(read.csv(file.path(folder, name), row.names = 1))
  storage.mode(columns) <- "double"
  columns
}
outcome <- read_columns("Survival_time_event.csv")
treatment <- read_columns("Treatment.csv")[, 1]
clinical <- read_columns("Clinical_Variables.csv")
genes <- read_columns("Genetic_alterations.csv")
response <- Surv(outcome[, "time"], outcome[, "event"])
control <- coxph.control()
rows <- as.character(seq_len(nrow(genes)))

loglik_of <- function(columns) {
  coxph.fit(columns, response, strata = NULL, offset = NULL, init = NULL, control = control, weights = NULL, method = "efron",
            rownames = rows, resid = FALSE)$loglik[2]
}

screen <- function() {
  vapply(seq_len(ncol(genes)), function(j) {
    g <- genes[, j]
    if (models == 2) loglik_of(cbind(g, treatment, clinical))
    loglik_of(cbind(g, treatment, g * treatment, clinical))
  }, numeric(1))
}

wall <- cpu <- numeric(0)
for (index in seq_len(warmup + steps)) {
  start <- proc.time()
  loglik <- suppressWarnings(screen())
  took <- proc.time() - start
  if (index > warmup) {
    wall <- c(wall, took[["elapsed"]])
    cpu <- c(cpu, took[["user.self"]] + took[["sys.self"]])
  }
}
list_of <- function(values) paste0("[", paste(sprintf("%.15g", values), collapse = ","), "]")
cat(sprintf('{"program":"R %s.%s, survival %s","seconds_per_step":%s,"cpu_seconds_per_step":%s,"loglik":%s}\n', R.version$major,
            R.version$minor, packageVersion("survival"), list_of(wall), list_of(cpu), list_of(loglik)))
