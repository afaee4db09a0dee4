"""How an answer was found, in lines for a learner. Each says something true of the question; none decides anything."""
