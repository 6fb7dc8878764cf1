/* SPDX-License-Identifier: MIT */
#include "src/base/real.h"

#include <stddef.h>
#include <string.h>

/* x87 would keep more bits in a register than in memory. */
_Static_assert(__FLT_EVAL_METHOD__ == 0, "doubles must be computed as doubles");
_Static_assert(sizeof(double) == 8, "doubles must be IEEE 754 binary64");

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static const double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;

/* x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); log(1 + f) by the series in s = f / (2 + f), whose minimax coefficients
 * are those that FreeBSD's msun publishes. */
double real_log(double x)
{
    uint64_t bits = bits_of(x);
    int exponent = (int)(bits >> 52 & 0x7FF);
    if (bits >> 63 != 0 || exponent == 0 || exponent == 0x7FF) {
        return -1e308;
    }
    int k = exponent - 1023;
    double m = from_bits((bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52);
    if (m > 1.4142135623730951) {
        m = m * 0.5;
        k++;
    }
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, w = z * z;
    double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double half = 0.5 * f * f, r = odd + even;
    return (double)k * LN2_HIGH - ((half - (s * (half + r) + (double)k * LN2_LOW)) - f);
}

/* x = k ln 2 + r; exp(r) by the continued fraction of msun. */
double real_exp(double x)
{
    if (x < -708.0) {
        return 0.0;
    }
    if (x > 709.0) {
        return 1e308;
    }
    int k = (int)(x * 1.44269504088896338700 + (x < 0 ? -0.5 : 0.5));
    double high = x - (double)k * LN2_HIGH, low = (double)k * LN2_LOW, r = high - low, t = r * r;
    double p = t * (1.66666666666666019037e-01 +
                    t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    double c = r - p, y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    return y * from_bits((uint64_t)(k + 1023) << 52);
}

/* Newton from half the exponent: quadratic, six steps are more than enough. */
double real_sqrt(double x)
{
    if (!(x > 0.0)) {
        return 0.0;
    }
    double y = from_bits((bits_of(x) >> 1) + ((uint64_t)1023 << 51));
    for (int i = 0; i < 6; i++) {
        y = 0.5 * (y + x / y);
    }
    return y;
}

static double polynomial(const double *c, size_t count, double x)
{
    double sum = c[count - 1];
    for (size_t i = count - 1; i-- > 0;) {
        sum = sum * x + c[i];
    }
    return sum;
}

/* Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988): rational functions in three regions. One draw makes
 * one normal, and a larger draw a larger one, which keeps the arms of a what-if together. */
double real_normal(double u)
{
    static const double a[8] = {3.3871328727963666080,    1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,                      4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
                                2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734, 4.63033784615654529590,    5.76949722146069140550,    3.64784832476320460504,
                                1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,                       2.05319162663775882187,    1.67638483018380384940,    6.89767334985100004550e-1,
                                1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720,    5.46378491116411436990,    1.78482653991729133580,    2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,                       5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                                7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15};
    double q = u - 0.5;
    if (q >= -0.425 && q <= 0.425) {
        double r = 0.180625 - q * q;
        return q * polynomial(a, 8, r) / polynomial(b, 8, r);
    }
    double r = real_sqrt(-real_log(q < 0 ? u : 1.0 - u));
    double z = r <= 5.0 ? polynomial(c, 8, r - 1.6) / polynomial(d, 8, r - 1.6) : polynomial(e, 8, r - 5.0) / polynomial(f, 8, r - 5.0);
    return q < 0 ? -z : z;
}

int64_t real_round(double x)
{
    const double most = 4611686018427387904.0;
    if (!(x > -most)) {
        return -((int64_t)1 << 62);
    }
    return x >= most ? (int64_t)1 << 62 : (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

double real_unit(uint64_t draw)
{
    return ((double)(draw >> 12) + 0.5) * (1.0 / 4503599627370496.0);
}

/* What every build must give, in bits. The first row is (1 + 2^-27)^2 - (1 + 2^-26): 0 when the product is rounded, 2^-54
 * when it is fused with the subtraction. Inputs are volatile, so that the machine computes and not the compiler. */
bool real_self_test(void)
{
    volatile double one = 1.0 + 1.0 / 134217728.0, minus = 1.0 + 1.0 / 67108864.0;
    if (one * one - minus != 0.0) {
        return false;
    }
    static const struct {
        double (*function)(double);
        double x;
        uint64_t bits;
    } rows[] = {
        {real_log, 10.0, 0x40026BB1BBB55516},     {real_log, 0.001, 0xC01BA18A998FFFA0},    {real_log, 1.0 + 1e-10, 0x3DDB7CDFFFFA18D8},
        {real_exp, 1.0, 0x4005BF0A8B14576A},      {real_exp, -20.5, 0x3E157A3AFEED00AB},                   {real_exp, 300.25, 0x5B01FDA3EAEB3D0E},
        {real_sqrt, 2.0, 0x3FF6A09E667F3BCC},     {real_normal, 0.975, 0x3FFF5C0331EEFF82},                {real_normal, 1e-9, 0xC017FDC11F44B5A7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        volatile double x = rows[i].x;
        if (bits_of(rows[i].function(x)) != rows[i].bits) {
            return false;
        }
    }
    return true;
}
