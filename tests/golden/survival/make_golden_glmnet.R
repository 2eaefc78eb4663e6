# Regenerates golden/glmnet_*_rescaled_alpha*.json (run inside this folder; needs survival, glmnet, jsonlite).
# glmnet breaks ties of deaths and censorings by adding 100 machine epsilons to censored times, which rounds away for
# times above about 200: then some patients who are censored at a time of death are not at risk there. Times divided by
# 4096 (exact) are small enough. The files without "rescaled" hold what glmnet says about the times as they are.
suppressMessages({library(survival); library(glmnet); library(jsonlite)})
for (id in c("gbsg", "pbc_all")) for (a in c(1, 0.5)) {
  d <- read.csv(file.path("cases", paste0(id, ".csv"))); X <- as.matrix(d[setdiff(names(d), c("time", "status"))])
  f <- glmnet(X, Surv(d$time / 4096, d$status), family = "cox", alpha = a, nlambda = 20, lambda.min.ratio = 0.02, thresh = 1e-14, maxit = 1e7)
  B <- as.matrix(f$beta)
  o <- list(case = id, time_divisor = 4096, alpha = a, standardize = TRUE, penalty_factor = rep(1, ncol(X)), covariates = colnames(X), lambda = f$lambda, dev_ratio = f$dev.ratio, nulldev = f$nulldev,
    beta = lapply(seq_len(ncol(B)), function(k) { nz <- which(B[, k] != 0); list(index0 = I(as.integer(nz - 1)), value = I(unname(B[nz, k]))) }))
  writeLines(toJSON(o, digits = 17, auto_unbox = TRUE, matrix = "rowmajor"), sprintf("golden/glmnet_%s_rescaled_alpha%s.json", id, a))
}
