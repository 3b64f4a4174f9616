/* Functions of one real number whose results are the same bits on every machine: glibc's differ by the CPU it finds,
 * and a value served here must equal a snapshot's taken there. They are SLEEF's deterministic ones (N. Shibata and
 * F. Petrogalli, 2020), off by at most one unit in the last place; this is the one place that names it. Pure; any
 * thread. A square root needs none: IEEE 754 fixes its bits. */
#ifndef PATRON_BASE_DETERMINISTIC_H
#define PATRON_BASE_DETERMINISTIC_H

double deterministic_exp2(double x); /* 2^x */
double deterministic_log(double x);  /* natural; of 0 -infinity, of less NaN */
double deterministic_log2(double x); /* of 0 -infinity, of less NaN */

#endif
