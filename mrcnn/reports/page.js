// Show only the pictures that have the chosen class, and the chosen kind of mistake, among their words.
for (const box of document.querySelectorAll(".pictures")) {
  const choices = box.querySelectorAll("select");
  const shown = box.querySelector(".shown");
  const filter = () => {
    let count = 0;
    for (const figure of box.querySelectorAll("figure")) {
      const fits = (choice) =>
        choice.value === "" || JSON.parse(figure.dataset[choice.name]).includes(choice.value);
      figure.hidden = ![...choices].every(fits);
      count += !figure.hidden;
    }
    shown.textContent = String(count);
  };
  choices.forEach((choice) => choice.addEventListener("change", filter));
}
