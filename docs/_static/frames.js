// A picture in a frame is as high as it needs at the width that it gets.
addEventListener("load", () => {
  const fit = () => document.querySelectorAll("iframe[srcdoc]").forEach((frame) => {
    const page = frame.contentDocument && frame.contentDocument.documentElement;
    frame.style.height = 0;
    if (!page) return;
    page.style.overflow = "hidden";
    frame.style.height = page.scrollHeight + 4 + "px";
  });
  fit();
  addEventListener("resize", fit);
  document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", fit));
});
