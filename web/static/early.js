// Before the first paint: what is only there with scripts, and what is not, is told apart by this class.
document.documentElement.className = "js";
