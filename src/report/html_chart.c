/* SPDX-License-Identifier: MIT
 *
 * Small pictures drawn as SVG in the page itself: bars by month, days as a calendar. They take their colours from the
 * page, so that they are right on white, on black and on paper. */
#include "src/report/report_private.h"

#include <stdio.h>

#define WIDTH 340
#define HEIGHT 150
#define LEFT 6
#define TOP 20             /* room for a value above the highest bar */
#define BASE 122       /* y of the axis */
#define CELL 11        /* of the calendar */
#define YEAR_DAYS 371  /* at most 53 columns of weeks */

static const char month_letters[] = "JFMAMJJASOND";

/* Viridis, dark to light (van der Walt and Smith 2015). */
static const char *const viridis[] = {"#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"};
#define VIRIDIS_COUNT (sizeof viridis / sizeof viridis[0])

static double x_of(const struct chart *chart, time_ns at)
{
    double span = (double)(chart->until_ns - chart->from_ns);
    double share = span <= 0 ? 0 : (double)(at - chart->from_ns) / span;
    return LEFT + (WIDTH - 2 * LEFT) * (share < 0 ? 0 : share > 1 ? 1 : share);
}

static void put_bands(struct buffer *page, const struct chart *chart)
{
    for (size_t i = 0; i < chart->band_count; i++) {
        double x = x_of(chart, chart->bands[i].from_ns), width = x_of(chart, chart->bands[i].until_ns) - x;
        html_markup(page, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/>", x, chart->bands[i].planned ? BASE - 5 : TOP, width < 0.8 ? 0.8 : width,
                    chart->bands[i].planned ? 5 : BASE - TOP, chart->bands[i].planned ? "plan" : "band");
    }
}

static double top_of(const struct chart *chart)
{
    double top = chart->top;
    for (size_t i = 0; top <= 0 && i < chart->count; i++) {
        top = chart->values[i] > -top ? -chart->values[i] : top; /* below 0 until the highest is known */
    }
    top = top < 0 ? -top : top;
    return chart->objective > top ? chart->objective * 1.05 : top;
}

const char *grouped(int64_t value, char text[32])
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%lld", (long long)value), at = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && digits[i - 1] != '-' && (count - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

void html_number(struct buffer *page, double value)
{
    double size = value < 0 ? -value : value;
    if (size >= 1e6) {
        html_markup(page, "%.*f M", size >= 1e8 ? 0 : size >= 1e7 ? 1 : 2, value / 1e6);
    } else if (size >= 1e4) {
        html_markup(page, "%.*f k", size >= 1e5 ? 0 : 1, value / 1e3);
    } else {
        html_markup(page, "%.*f", size >= 100 || size == (double)(int64_t)size ? 0 : size >= 1 ? 1 : size >= 0.1 ? 2 : 3, value);
    }
}

static void put_bar(struct buffer *page, const struct chart *chart, size_t i, double top)
{
    double step = (double)(WIDTH - 2 * LEFT) / (double)chart->count, x = LEFT + step * (double)i;
    if (chart->known != NULL && !chart->known[i]) {
        html_markup(page, "<text x=\"%.1f\" y=\"%d\" class=\"soft tick\">–</text>", x + step / 2, BASE - 4);
        return;
    }
    double height = top <= 0 ? 0 : (BASE - TOP) * chart->values[i] / top;
    html_markup(page, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"bar\"><title>%d-%02d: ", x + step * 0.12, BASE - height, step * 0.76, height < 0.5 ? 0.5 : height,
                chart->years[i], chart->months[i]);
    html_number(page, chart->values[i]);
    html_markup(page, " %s</title></rect>", chart->unit);
}

/* First, last and highest bar say their value; the others on the pointer. */
static void put_labels(struct buffer *page, const struct chart *chart, double top)
{
    double step = (double)(WIDTH - 2 * LEFT) / (double)chart->count;
    size_t highest = 0;
    for (size_t i = 1; i < chart->count; i++) {
        highest = chart->values[i] > chart->values[highest] ? i : highest;
    }
    for (size_t i = 0; i < chart->count; i++) {
        double x = LEFT + step * ((double)i + 0.5), y = top <= 0 ? BASE : BASE - (BASE - TOP) * chart->values[i] / top;
        bool named = (i == 0 || i + 1 == chart->count || i == highest) && (chart->known == NULL || chart->known[i]);
        if (named && chart->values[i] > 0) {
            html_markup(page, "<text x=\"%.1f\" y=\"%.1f\" class=\"tick value\">", x < LEFT + 16 ? LEFT + 16 : x > WIDTH - LEFT - 16 ? WIDTH - LEFT - 16 : x, y - 4);
            html_number(page, chart->values[i]);
            buffer_put_text(page, "</text>");
        }
        if (chart->count <= 24 && chart->months[i] >= 1 && chart->months[i] <= 12) {
            html_markup(page, "<text x=\"%.1f\" y=\"%d\" class=\"soft tick\">%c</text>", x, BASE + 14, month_letters[chart->months[i] - 1]);
        } else if (chart->months[i] == 1) {
            html_markup(page, "<text x=\"%.1f\" y=\"%d\" class=\"soft tick\">%d</text>", x, BASE + 14, chart->years[i]);
        }
    }
}

void html_chart(struct buffer *page, const struct chart *chart)
{
    if (chart->count == 0) {
        return;
    }
    double top = top_of(chart);
    buffer_put_text(page, "<figure class=\"chart\"><h4>");
    html_cstr(page, chart->title);
    html_markup(page, "</h4><svg viewBox=\"0 0 %d %d\" role=\"img\">", WIDTH, HEIGHT);
    put_bands(page, chart);
    for (size_t i = 0; i < chart->count; i++) {
        put_bar(page, chart, i, top);
    }
    html_markup(page, "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" class=\"axis\"/>", LEFT, WIDTH - LEFT, BASE, BASE);
    if (chart->objective > 0 && top > 0) {
        double y = BASE - (BASE - TOP) * chart->objective / top;
        html_markup(page, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"goal\"/>", LEFT, WIDTH - LEFT, y, y);
    }
    put_labels(page, chart, top);
    buffer_put_text(page, "</svg><figcaption>");
    html_cstr(page, chart->caption);
    buffer_put_text(page, "</figcaption></figure>\n");
}

/* ---- The calendar: a column a week, a row a day of the week, one strip a year. */

static size_t shade(double value, double most)
{
    size_t at = most <= 0 ? 0 : (size_t)(value / most * (double)VIRIDIS_COUNT);
    return at >= VIRIDIS_COUNT ? VIRIDIS_COUNT - 1 : at;
}

static void put_strip(struct buffer *page, const struct year_days *days, size_t from, size_t until, int year)
{
    int weekday0 = (int)((days->first_weekday + from) % 7);
    html_markup(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" class=\"calendar\"><text x=\"0\" y=\"12\" class=\"steptext year\">%d</text>", 50 + 54 * CELL, 20 + 7 * CELL, year);
    for (int w = 0; w < 7; w += 2) {
        html_markup(page, "<text x=\"40\" y=\"%d\" class=\"soft time\">%c</text>", 20 + w * CELL + 9, "MTWTFSS"[w]);
    }
    for (size_t d = from; d < until; d++) {
        size_t cell = (size_t)weekday0 + d - from;
        int x = 46 + (int)(cell / 7) * CELL, y = 18 + (int)(cell % 7) * CELL;
        struct calendar date = time_calendar(days->first_ns + (time_ns)d * TIME_DAY);
        html_markup(page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"><title>%d-%02d-%02d: %lld %s</title></rect>", x, y, CELL - 1, CELL - 1,
                    viridis[shade((double)days->values[d], (double)days->most)], date.year, date.month, date.day, (long long)days->values[d], days->unit);
        if (days->marked[d]) {
            html_markup(page, "<path d=\"M%d %dh%dv%dz\" class=\"down\"><title>%d-%02d-%02d: %lld %s down</title></path>", x + 4, y, CELL - 5, CELL - 5, date.year, date.month, date.day,
                        (long long)days->marked[d], days->marked[d] == 1 ? "node" : "nodes");
        }
        if (date.day == 1) {
            html_markup(page, "<text x=\"%d\" y=\"12\" class=\"soft\">%c</text>", x, month_letters[date.month - 1]);
        }
    }
    buffer_put_text(page, "</svg>\n");
}

void html_days(struct buffer *page, const struct year_days *days)
{
    for (size_t from = 0; from < days->count;) {
        int year = time_calendar(days->first_ns + (time_ns)from * TIME_DAY).year;
        size_t until = from;
        while (until < days->count && until - from < YEAR_DAYS && time_calendar(days->first_ns + (time_ns)until * TIME_DAY).year == year) {
            until++;
        }
        put_strip(page, days, from, until, year);
        from = until;
    }
    buffer_put_text(page, "<p class=\"legend\"><span>0 ");
    for (size_t i = 0; i < VIRIDIS_COUNT; i++) {
        html_markup(page, "<svg width=\"14\" height=\"11\"><rect width=\"14\" height=\"11\" fill=\"%s\"/></svg>", viridis[i]);
    }
    html_markup(page, " %lld %s a day</span><span><svg width=\"11\" height=\"11\"><path d=\"M4 0h7v7z\" class=\"down\"/></svg> a node was down</span></p>\n", (long long)days->most, days->unit);
}
