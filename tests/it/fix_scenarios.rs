//! Every broken domain of the lab: mended end to end where a bundle can mend it, judged by programs nobody here wrote; else
//! refused with the true reason, and nothing changed.
