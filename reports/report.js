/* SPDX-License-Identifier: MIT. Only sorting, filtering and opening what a link points at; the page reads without it. */
document.querySelectorAll("table").forEach(function (table) {
  var body = table.tBodies[0];
  if (!body || !table.tHead) return;
  Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
    head.dataset.sort = "";
    head.title = "sort";
    head.tabIndex = 0;
    head.addEventListener("keydown", function (event) { if (event.key === "Enter") head.click(); });
    head.addEventListener("click", function () {
      var down = head.dataset.sort === "up" ? "down" : "up";
      Array.from(table.tHead.rows[0].cells).forEach(function (other) { other.dataset.sort = ""; });
      head.dataset.sort = down;
      Array.from(body.rows).sort(function (a, b) {
        var x = a.cells[column].textContent.trim(), y = b.cells[column].textContent.trim(), n = parseFloat(x) - parseFloat(y);
        return (isNaN(n) ? x.localeCompare(y) : n) * (down === "down" ? -1 : 1);
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
  if (body.rows.length > 20) {
    var filter = document.createElement("input");
    filter.className = "filter"; filter.placeholder = "filter " + body.rows.length + " rows"; filter.setAttribute("aria-label", "filter rows");
    filter.addEventListener("input", function () {
      var word = filter.value.toLowerCase();
      Array.from(body.rows).forEach(function (row) { row.hidden = row.textContent.toLowerCase().indexOf(word) < 0; });
    });
    table.parentNode.insertBefore(filter, table);
  }
});
function open_target() {
  var target = location.hash && document.getElementById(location.hash.slice(1));
  for (var up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", open_target);
open_target();
