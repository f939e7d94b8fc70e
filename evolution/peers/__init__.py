"""Problem folders of OpenEvolve, ShinkaEvolve and CodeEvolve, translated into problems of ours."""
