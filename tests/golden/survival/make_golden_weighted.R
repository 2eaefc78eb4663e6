# Reference values for models of the competition data weighted and stratified by the propensity (run inside this folder,
# with the competition data in hackathon/).
suppressMessages({library(survival); library(jsonlite)})
read <- function(f) read.csv(file.path("hackathon", f), row.names = 1)
s <- read("Survival_time_event.csv"); G <- as.matrix(read("Genetic_alterations.csv"))
C <- as.matrix(read("Clinical_Variables.csv")); t <- read("Treatment.csv")$Treatment
key <- c(6, 33, 35, 88, 136, 161, 165, 193, 204, 221)
control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
exact <- glm.control(epsilon = 1e-14, maxit = 100)

# Weights: without Var3, which predicts treatment and not survival; the inverse ones truncated; mean 1.
e <- fitted(glm(t ~ C[, colnames(C) != "Var3"], family = binomial, control = exact))
stabilized <- ifelse(t == 1, mean(t) / e, (1 - mean(t)) / (1 - e))
cut <- quantile(stabilized, c(0.01, 0.99)); stabilized <- pmin(pmax(stabilized, cut[1]), cut[2])
overlap <- ifelse(t == 1, 1 - e, e)
stabilized <- stabilized / mean(stabilized); overlap <- overlap / mean(overlap)
all <- fitted(glm(t ~ C, family = binomial, control = exact))
stratum <- findInterval(all, quantile(all, 1:4 / 5), left.open = TRUE)

X <- cbind(t, C, G[, key], G[, key] * t); products <- 22:31
keep <- s$time > 0
cox <- function(w) { f <- coxph(Surv(s$time, s$event) ~ X, weights = w, robust = TRUE, control = control)
  list(effect = unname(coef(f)[products]), se = unname(sqrt(diag(f$var))[products]), loglik = f$loglik[2]) }
aft <- function(w) { f <- survreg(Surv(s$time, s$event) ~ X, weights = w, dist = "loglogistic", robust = TRUE, subset = keep,
    control = survreg.control(rel.tolerance = 1e-13, maxiter = 100))
  se <- sqrt(diag(crossprod(resid(f, "dfbeta", weighted = TRUE))))  # f$var sums the residuals without their weights
  list(effect = unname(coef(f)[products + 1]), se = unname(se[products + 1]), se_log_scale = unname(se[33]), loglik = f$loglik[2]) }
strata_fit <- coxph(Surv(s$time, s$event) ~ X + strata(stratum), control = control)
arm <- function(w, a) { f <- coxph(Surv(s$time, s$event) ~ G[, key] + C, weights = w, subset = t == a, robust = TRUE, control = control)
  list(b = unname(coef(f)[1:10]), se = unname(sqrt(diag(f$var))[1:10])) }
contrast <- function(w) { a1 <- arm(w, 1); a0 <- arm(w, 0)
  list(f1 = sum(a0$b - a1$b), f2 = sum((a0$b - a1$b) / sqrt(a0$se^2 + a1$se^2))) }
one <- function(w) list(weight = I(unname(w)), cox = cox(w), loglogistic = aft(w), contrast = contrast(w))
writeLines(toJSON(list(note = "joint models of Treatment, Var1..Var10, the key genes and their products with treatment; effects and robust errors of the products; contrast: fitness F1 and F2 of the key with clinical variables",
  key = I(key), stabilized = one(stabilized), overlap = one(overlap),
  strata = list(label = I(stratum), effect = I(unname(coef(strata_fit)[products])), se = I(unname(sqrt(diag(strata_fit$var))[products])), loglik = strata_fit$loglik[2])),
  digits = 15, auto_unbox = TRUE), "golden/weighted_hackathon.json")
