{
 "patcher": {
  "fileversion": 1,
  "appversion": {
   "major": 8,
   "minor": 5,
   "revision": 0,
   "architecture": "x64",
   "modernui": 1
  },
  "classnamespace": "box",
  "rect": [
   60.0,
   100.0,
   1000.0,
   700.0
  ],
  "openinpresentation": 1,
  "devicewidth": 910.0,
  "boxes": [
   {
    "box": {
     "id": "obj-1",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20.0,
      20.0,
      200.0,
      22.0
     ],
     "text": "udpsend 127.0.0.1 9740"
    }
   },
   {
    "box": {
     "id": "obj-2",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 3,
     "patching_rect": [
      20.0,
      50.0,
      200.0,
      22.0
     ],
     "text": "live.thisdevice",
     "outlettype": [
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-3",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "sideman",
     "presentation": 1,
     "presentation_rect": [
      10.0,
      2.0,
      80.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-4",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      110.0,
      200.0,
      22.0
     ],
     "text": "metro 50",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-5",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 9,
     "patching_rect": [
      20.0,
      140.0,
      200.0,
      22.0
     ],
     "text": "transport",
     "outlettype": [
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-6",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      170.0,
      200.0,
      22.0
     ],
     "text": "1",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-7",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 3,
     "patching_rect": [
      20.0,
      200.0,
      200.0,
      22.0
     ],
     "text": "change 0.",
     "outlettype": [
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-8",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      230.0,
      200.0,
      22.0
     ],
     "text": "prepend /tempo",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-9",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      260.0,
      200.0,
      22.0
     ],
     "text": "f",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-10",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 3,
     "patching_rect": [
      20.0,
      290.0,
      200.0,
      22.0
     ],
     "text": "sel 1 0",
     "outlettype": [
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-11",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 3,
     "patching_rect": [
      20.0,
      320.0,
      200.0,
      22.0
     ],
     "text": "change 0",
     "outlettype": [
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-12",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      350.0,
      200.0,
      22.0
     ],
     "text": "t b b",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-13",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      380.0,
      200.0,
      22.0
     ],
     "text": "/play",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-14",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      410.0,
      200.0,
      22.0
     ],
     "text": "/ 480.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-15",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      440.0,
      200.0,
      22.0
     ],
     "text": "prepend /position",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-16",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      470.0,
      200.0,
      22.0
     ],
     "text": "/stop",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-17",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      500.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-18",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      530.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      24.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-19",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      560.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-20",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      590.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      118.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-21",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      620.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-22",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      650.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      142.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-23",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "patching_rect": [
      20.0,
      680.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "keymode": 1,
     "outputmode": 1,
     "text": "",
     "outlettype": [
      "",
      "",
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      160.0,
      24.0,
      140.0,
      40.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-24",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      710.0,
      200.0,
      22.0
     ],
     "text": "route text",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-25",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      740.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/1/prompt",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-26",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      770.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "play",
     "parameter_enable": 1,
     "varname": "/deck/1/play",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/1/play",
       "parameter_mmax": 1,
       "parameter_shortname": "play",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      160.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-27",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      800.0,
      200.0,
      22.0
     ],
     "text": "/deck/1/play",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-28",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      830.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "stop",
     "parameter_enable": 1,
     "varname": "/deck/1/stop",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/1/stop",
       "parameter_mmax": 1,
       "parameter_shortname": "stop",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      208.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-29",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      860.0,
      200.0,
      22.0
     ],
     "text": "/deck/1/stop",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-30",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      890.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "hold",
     "parameter_enable": 1,
     "varname": "/deck/1/hold",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/1/hold",
       "parameter_mmax": 1,
       "parameter_shortname": "hold",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      256.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-31",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      20.0,
      200.0,
      22.0
     ],
     "text": "/deck/1/hold",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-32",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      50.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      160.0,
      92.0,
      20.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-33",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/1/mute",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-34",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      250.0,
      110.0,
      200.0,
      22.0
     ],
     "text": "mute",
     "presentation": 1,
     "presentation_rect": [
      182.0,
      92.0,
      40.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-35",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      140.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "4 bars",
     "parameter_enable": 1,
     "varname": "/deck/1/capture 4",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/1/capture 4",
       "parameter_mmax": 1,
       "parameter_shortname": "4 bars",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      256.0,
      92.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-36",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      170.0,
      200.0,
      22.0
     ],
     "text": "/deck/1/capture 4",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-37",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      200.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "size": 128,
     "orientation": 1,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      160.0,
      116.0,
      140.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-38",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      230.0,
      200.0,
      22.0
     ],
     "text": "/ 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-39",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      260.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/1/level",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-40",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      290.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      160.0,
      138.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-41",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      250.0,
      320.0,
      200.0,
      22.0
     ],
     "text": "deck 1",
     "presentation": 1,
     "presentation_rect": [
      160.0,
      2.0,
      60.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-42",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      350.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-43",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      380.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-44",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      410.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-45",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      440.0,
      200.0,
      22.0
     ],
     "text": "* 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-46",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      470.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-47",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "patching_rect": [
      250.0,
      500.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "keymode": 1,
     "outputmode": 1,
     "text": "",
     "outlettype": [
      "",
      "",
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      310.0,
      24.0,
      140.0,
      40.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-48",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      530.0,
      200.0,
      22.0
     ],
     "text": "route text",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-49",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      560.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/2/prompt",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-50",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      590.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "play",
     "parameter_enable": 1,
     "varname": "/deck/2/play",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/2/play",
       "parameter_mmax": 1,
       "parameter_shortname": "play",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      310.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-51",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      620.0,
      200.0,
      22.0
     ],
     "text": "/deck/2/play",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-52",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      650.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "stop",
     "parameter_enable": 1,
     "varname": "/deck/2/stop",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/2/stop",
       "parameter_mmax": 1,
       "parameter_shortname": "stop",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      358.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-53",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      680.0,
      200.0,
      22.0
     ],
     "text": "/deck/2/stop",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-54",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      710.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "hold",
     "parameter_enable": 1,
     "varname": "/deck/2/hold",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/2/hold",
       "parameter_mmax": 1,
       "parameter_shortname": "hold",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      406.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-55",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      740.0,
      200.0,
      22.0
     ],
     "text": "/deck/2/hold",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-56",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      770.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      310.0,
      92.0,
      20.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-57",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      800.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/2/mute",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-58",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      250.0,
      830.0,
      200.0,
      22.0
     ],
     "text": "mute",
     "presentation": 1,
     "presentation_rect": [
      332.0,
      92.0,
      40.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-59",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      250.0,
      860.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "4 bars",
     "parameter_enable": 1,
     "varname": "/deck/2/capture 4",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/2/capture 4",
       "parameter_mmax": 1,
       "parameter_shortname": "4 bars",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      406.0,
      92.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-60",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      250.0,
      890.0,
      200.0,
      22.0
     ],
     "text": "/deck/2/capture 4",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-61",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      20.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "size": 128,
     "orientation": 1,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      310.0,
      116.0,
      140.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-62",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      50.0,
      200.0,
      22.0
     ],
     "text": "/ 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-63",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/2/level",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-64",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      110.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      310.0,
      138.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-65",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      480.0,
      140.0,
      200.0,
      22.0
     ],
     "text": "deck 2",
     "presentation": 1,
     "presentation_rect": [
      310.0,
      2.0,
      60.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-66",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      170.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-67",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      200.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-68",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      230.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-69",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      260.0,
      200.0,
      22.0
     ],
     "text": "* 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-70",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      290.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-71",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "patching_rect": [
      480.0,
      320.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "keymode": 1,
     "outputmode": 1,
     "text": "",
     "outlettype": [
      "",
      "",
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      460.0,
      24.0,
      140.0,
      40.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-72",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "patching_rect": [
      480.0,
      350.0,
      200.0,
      22.0
     ],
     "text": "route text",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-73",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      380.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/3/prompt",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-74",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      480.0,
      410.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "play",
     "parameter_enable": 1,
     "varname": "/deck/3/play",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/3/play",
       "parameter_mmax": 1,
       "parameter_shortname": "play",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      460.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-75",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      440.0,
      200.0,
      22.0
     ],
     "text": "/deck/3/play",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-76",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      480.0,
      470.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "stop",
     "parameter_enable": 1,
     "varname": "/deck/3/stop",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/3/stop",
       "parameter_mmax": 1,
       "parameter_shortname": "stop",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      508.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-77",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      500.0,
      200.0,
      22.0
     ],
     "text": "/deck/3/stop",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-78",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      480.0,
      530.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "hold",
     "parameter_enable": 1,
     "varname": "/deck/3/hold",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/3/hold",
       "parameter_mmax": 1,
       "parameter_shortname": "hold",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      556.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-79",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      560.0,
      200.0,
      22.0
     ],
     "text": "/deck/3/hold",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-80",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      590.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      460.0,
      92.0,
      20.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-81",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      620.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/3/mute",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-82",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      480.0,
      650.0,
      200.0,
      22.0
     ],
     "text": "mute",
     "presentation": 1,
     "presentation_rect": [
      482.0,
      92.0,
      40.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-83",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      480.0,
      680.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "4 bars",
     "parameter_enable": 1,
     "varname": "/deck/3/capture 4",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/3/capture 4",
       "parameter_mmax": 1,
       "parameter_shortname": "4 bars",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      556.0,
      92.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-84",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      710.0,
      200.0,
      22.0
     ],
     "text": "/deck/3/capture 4",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-85",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      740.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "size": 128,
     "orientation": 1,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      460.0,
      116.0,
      140.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-86",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      770.0,
      200.0,
      22.0
     ],
     "text": "/ 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-87",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      800.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/3/level",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-88",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      830.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      460.0,
      138.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-89",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      480.0,
      860.0,
      200.0,
      22.0
     ],
     "text": "deck 3",
     "presentation": 1,
     "presentation_rect": [
      460.0,
      2.0,
      60.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-90",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      480.0,
      890.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-91",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      20.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-92",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      50.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-93",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "* 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-94",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      110.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-95",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "patching_rect": [
      710.0,
      140.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "keymode": 1,
     "outputmode": 1,
     "text": "",
     "outlettype": [
      "",
      "",
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      610.0,
      24.0,
      140.0,
      40.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-96",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "patching_rect": [
      710.0,
      170.0,
      200.0,
      22.0
     ],
     "text": "route text",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-97",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      200.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/4/prompt",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-98",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      710.0,
      230.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "play",
     "parameter_enable": 1,
     "varname": "/deck/4/play",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/4/play",
       "parameter_mmax": 1,
       "parameter_shortname": "play",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      610.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-99",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      260.0,
      200.0,
      22.0
     ],
     "text": "/deck/4/play",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-100",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      710.0,
      290.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "stop",
     "parameter_enable": 1,
     "varname": "/deck/4/stop",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/4/stop",
       "parameter_mmax": 1,
       "parameter_shortname": "stop",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      658.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-101",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      320.0,
      200.0,
      22.0
     ],
     "text": "/deck/4/stop",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-102",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      710.0,
      350.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "hold",
     "parameter_enable": 1,
     "varname": "/deck/4/hold",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/4/hold",
       "parameter_mmax": 1,
       "parameter_shortname": "hold",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      706.0,
      68.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-103",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      380.0,
      200.0,
      22.0
     ],
     "text": "/deck/4/hold",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-104",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      410.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      610.0,
      92.0,
      20.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-105",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      440.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/4/mute",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-106",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      710.0,
      470.0,
      200.0,
      22.0
     ],
     "text": "mute",
     "presentation": 1,
     "presentation_rect": [
      632.0,
      92.0,
      40.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-107",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      710.0,
      500.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "4 bars",
     "parameter_enable": 1,
     "varname": "/deck/4/capture 4",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/deck/4/capture 4",
       "parameter_mmax": 1,
       "parameter_shortname": "4 bars",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      706.0,
      92.0,
      44.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-108",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      530.0,
      200.0,
      22.0
     ],
     "text": "/deck/4/capture 4",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-109",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      560.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "size": 128,
     "orientation": 1,
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      610.0,
      116.0,
      140.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-110",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      590.0,
      200.0,
      22.0
     ],
     "text": "/ 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-111",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      620.0,
      200.0,
      22.0
     ],
     "text": "prepend /deck/4/level",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-112",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      650.0,
      200.0,
      22.0
     ],
     "text": "",
     "outlettype": [
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      610.0,
      138.0,
      140.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-113",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      710.0,
      680.0,
      200.0,
      22.0
     ],
     "text": "deck 4",
     "presentation": 1,
     "presentation_rect": [
      610.0,
      2.0,
      60.0,
      20.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-114",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      710.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-115",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      740.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-116",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      770.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-117",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      800.0,
      200.0,
      22.0
     ],
     "text": "* 127.",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-118",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      830.0,
      200.0,
      22.0
     ],
     "text": "prepend set",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-119",
     "maxclass": "newobj",
     "numinlets": 20,
     "numoutlets": 20,
     "patching_rect": [
      710.0,
      860.0,
      200.0,
      22.0
     ],
     "text": "route /beat/str /clip/done /error /deck/1/state /deck/1/prompt /deck/1/mute /deck/1/level /deck/2/state /deck/2/prompt /deck/2/mute /deck/2/level /deck/3/state /deck/3/prompt /deck/3/mute /deck/3/level /deck/4/state /deck/4/prompt /deck/4/mute /deck/4/level",
     "outlettype": [
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-120",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      710.0,
      890.0,
      200.0,
      22.0
     ],
     "text": "udpreceive 9745",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-121",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      20.0,
      200.0,
      22.0
     ],
     "text": "metro 5000",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-122",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      50.0,
      200.0,
      22.0
     ],
     "text": "1",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-123",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "/subscribe 9745",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-124",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      110.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "1",
     "parameter_enable": 1,
     "varname": "/slot/1/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/1/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "1",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      48.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-125",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      140.0,
      200.0,
      22.0
     ],
     "text": "/slot/1/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-126",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      170.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "2",
     "parameter_enable": 1,
     "varname": "/slot/2/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/2/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "2",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      46.0,
      48.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-127",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      200.0,
      200.0,
      22.0
     ],
     "text": "/slot/2/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-128",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      230.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "3",
     "parameter_enable": 1,
     "varname": "/slot/3/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/3/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "3",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      82.0,
      48.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-129",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      260.0,
      200.0,
      22.0
     ],
     "text": "/slot/3/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-130",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      290.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "4",
     "parameter_enable": 1,
     "varname": "/slot/4/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/4/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "4",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      118.0,
      48.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-131",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      320.0,
      200.0,
      22.0
     ],
     "text": "/slot/4/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-132",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      350.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "5",
     "parameter_enable": 1,
     "varname": "/slot/5/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/5/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "5",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      70.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-133",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      380.0,
      200.0,
      22.0
     ],
     "text": "/slot/5/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-134",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      410.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "6",
     "parameter_enable": 1,
     "varname": "/slot/6/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/6/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "6",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      46.0,
      70.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-135",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      440.0,
      200.0,
      22.0
     ],
     "text": "/slot/6/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-136",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      470.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "7",
     "parameter_enable": 1,
     "varname": "/slot/7/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/7/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "7",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      82.0,
      70.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-137",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      500.0,
      200.0,
      22.0
     ],
     "text": "/slot/7/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-138",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      530.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "8",
     "parameter_enable": 1,
     "varname": "/slot/8/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/slot/8/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "8",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      118.0,
      70.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-139",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      560.0,
      200.0,
      22.0
     ],
     "text": "/slot/8/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-140",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      590.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "S1",
     "parameter_enable": 1,
     "varname": "/scene/1/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/scene/1/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "S1",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      10.0,
      94.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-141",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      620.0,
      200.0,
      22.0
     ],
     "text": "/scene/1/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-142",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      650.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "S2",
     "parameter_enable": 1,
     "varname": "/scene/2/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/scene/2/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "S2",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      46.0,
      94.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-143",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      680.0,
      200.0,
      22.0
     ],
     "text": "/scene/2/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-144",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      710.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "S3",
     "parameter_enable": 1,
     "varname": "/scene/3/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/scene/3/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "S3",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      82.0,
      94.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-145",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      740.0,
      200.0,
      22.0
     ],
     "text": "/scene/3/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-146",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      770.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "S4",
     "parameter_enable": 1,
     "varname": "/scene/4/launch",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/scene/4/launch",
       "parameter_mmax": 1,
       "parameter_shortname": "S4",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      118.0,
      94.0,
      32.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-147",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      800.0,
      200.0,
      22.0
     ],
     "text": "/scene/4/launch",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-148",
     "maxclass": "live.text",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      940.0,
      830.0,
      200.0,
      22.0
     ],
     "mode": 0,
     "text": "panic",
     "parameter_enable": 1,
     "varname": "/panic",
     "saved_attribute_attributes": {
      "valueof": {
       "parameter_enum": [
        "off",
        "on"
       ],
       "parameter_longname": "/panic",
       "parameter_mmax": 1,
       "parameter_shortname": "panic",
       "parameter_type": 2
      }
     },
     "outlettype": [
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      100.0,
      2.0,
      50.0,
      18.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-149",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      940.0,
      860.0,
      200.0,
      22.0
     ],
     "text": "/panic",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-150",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "patching_rect": [
      940.0,
      890.0,
      200.0,
      22.0
     ],
     "parameter_enable": 0,
     "keymode": 1,
     "outputmode": 1,
     "text": "",
     "outlettype": [
      "",
      "",
      "",
      ""
     ],
     "presentation": 1,
     "presentation_rect": [
      760.0,
      24.0,
      140.0,
      40.0
     ]
    }
   },
   {
    "box": {
     "id": "obj-151",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "patching_rect": [
      1170.0,
      20.0,
      200.0,
      22.0
     ],
     "text": "route text",
     "outlettype": [
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-152",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1170.0,
      50.0,
      200.0,
      22.0
     ],
     "text": "prepend /clip/render",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-153",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1170.0,
      80.0,
      200.0,
      22.0
     ],
     "text": "append 4",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-154",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1170.0,
      110.0,
      200.0,
      22.0
     ],
     "text": "clip of 4 bars",
     "presentation": 1,
     "presentation_rect": [
      760.0,
      2.0,
      120.0,
      20.0
     ]
    }
   }
  ],
  "lines": [
   {
    "patchline": {
     "source": [
      "obj-2",
      0
     ],
     "destination": [
      "obj-6",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-6",
      0
     ],
     "destination": [
      "obj-4",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-4",
      0
     ],
     "destination": [
      "obj-5",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-5",
      4
     ],
     "destination": [
      "obj-7",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-7",
      0
     ],
     "destination": [
      "obj-8",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-8",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-5",
      7
     ],
     "destination": [
      "obj-9",
      1
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-5",
      6
     ],
     "destination": [
      "obj-11",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-11",
      0
     ],
     "destination": [
      "obj-10",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-10",
      0
     ],
     "destination": [
      "obj-12",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-12",
      0
     ],
     "destination": [
      "obj-13",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-13",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-12",
      1
     ],
     "destination": [
      "obj-9",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-9",
      0
     ],
     "destination": [
      "obj-14",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-14",
      0
     ],
     "destination": [
      "obj-15",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-15",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-10",
      1
     ],
     "destination": [
      "obj-16",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-16",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-23",
      0
     ],
     "destination": [
      "obj-24",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-24",
      0
     ],
     "destination": [
      "obj-25",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-25",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-26",
      0
     ],
     "destination": [
      "obj-27",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-27",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-28",
      0
     ],
     "destination": [
      "obj-29",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-29",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-30",
      0
     ],
     "destination": [
      "obj-31",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-31",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-32",
      0
     ],
     "destination": [
      "obj-33",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-33",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-35",
      0
     ],
     "destination": [
      "obj-36",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-36",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-37",
      0
     ],
     "destination": [
      "obj-38",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-38",
      0
     ],
     "destination": [
      "obj-39",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-39",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-47",
      0
     ],
     "destination": [
      "obj-48",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-48",
      0
     ],
     "destination": [
      "obj-49",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-49",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-50",
      0
     ],
     "destination": [
      "obj-51",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-51",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-52",
      0
     ],
     "destination": [
      "obj-53",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-53",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-54",
      0
     ],
     "destination": [
      "obj-55",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-55",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-56",
      0
     ],
     "destination": [
      "obj-57",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-57",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-59",
      0
     ],
     "destination": [
      "obj-60",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-60",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-61",
      0
     ],
     "destination": [
      "obj-62",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-62",
      0
     ],
     "destination": [
      "obj-63",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-63",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-71",
      0
     ],
     "destination": [
      "obj-72",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-72",
      0
     ],
     "destination": [
      "obj-73",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-73",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-74",
      0
     ],
     "destination": [
      "obj-75",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-75",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-76",
      0
     ],
     "destination": [
      "obj-77",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-77",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-78",
      0
     ],
     "destination": [
      "obj-79",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-79",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-80",
      0
     ],
     "destination": [
      "obj-81",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-81",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-83",
      0
     ],
     "destination": [
      "obj-84",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-84",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-85",
      0
     ],
     "destination": [
      "obj-86",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-86",
      0
     ],
     "destination": [
      "obj-87",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-87",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-95",
      0
     ],
     "destination": [
      "obj-96",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-96",
      0
     ],
     "destination": [
      "obj-97",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-97",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-98",
      0
     ],
     "destination": [
      "obj-99",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-99",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-100",
      0
     ],
     "destination": [
      "obj-101",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-101",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-102",
      0
     ],
     "destination": [
      "obj-103",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-103",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-104",
      0
     ],
     "destination": [
      "obj-105",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-105",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-107",
      0
     ],
     "destination": [
      "obj-108",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-108",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-109",
      0
     ],
     "destination": [
      "obj-110",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-110",
      0
     ],
     "destination": [
      "obj-111",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-111",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-120",
      0
     ],
     "destination": [
      "obj-119",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      0
     ],
     "destination": [
      "obj-17",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-17",
      0
     ],
     "destination": [
      "obj-18",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      1
     ],
     "destination": [
      "obj-19",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-19",
      0
     ],
     "destination": [
      "obj-20",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      2
     ],
     "destination": [
      "obj-21",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-21",
      0
     ],
     "destination": [
      "obj-22",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      3
     ],
     "destination": [
      "obj-42",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-42",
      0
     ],
     "destination": [
      "obj-40",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      4
     ],
     "destination": [
      "obj-43",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-43",
      0
     ],
     "destination": [
      "obj-23",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      5
     ],
     "destination": [
      "obj-44",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-44",
      0
     ],
     "destination": [
      "obj-32",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      6
     ],
     "destination": [
      "obj-45",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-45",
      0
     ],
     "destination": [
      "obj-46",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-46",
      0
     ],
     "destination": [
      "obj-37",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      7
     ],
     "destination": [
      "obj-66",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-66",
      0
     ],
     "destination": [
      "obj-64",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      8
     ],
     "destination": [
      "obj-67",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-67",
      0
     ],
     "destination": [
      "obj-47",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      9
     ],
     "destination": [
      "obj-68",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-68",
      0
     ],
     "destination": [
      "obj-56",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      10
     ],
     "destination": [
      "obj-69",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-69",
      0
     ],
     "destination": [
      "obj-70",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-70",
      0
     ],
     "destination": [
      "obj-61",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      11
     ],
     "destination": [
      "obj-90",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-90",
      0
     ],
     "destination": [
      "obj-88",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      12
     ],
     "destination": [
      "obj-91",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-91",
      0
     ],
     "destination": [
      "obj-71",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      13
     ],
     "destination": [
      "obj-92",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-92",
      0
     ],
     "destination": [
      "obj-80",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      14
     ],
     "destination": [
      "obj-93",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-93",
      0
     ],
     "destination": [
      "obj-94",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-94",
      0
     ],
     "destination": [
      "obj-85",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      15
     ],
     "destination": [
      "obj-114",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-114",
      0
     ],
     "destination": [
      "obj-112",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      16
     ],
     "destination": [
      "obj-115",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-115",
      0
     ],
     "destination": [
      "obj-95",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      17
     ],
     "destination": [
      "obj-116",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-116",
      0
     ],
     "destination": [
      "obj-104",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      18
     ],
     "destination": [
      "obj-117",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-117",
      0
     ],
     "destination": [
      "obj-118",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-118",
      0
     ],
     "destination": [
      "obj-109",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-2",
      0
     ],
     "destination": [
      "obj-122",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-122",
      0
     ],
     "destination": [
      "obj-121",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-121",
      0
     ],
     "destination": [
      "obj-123",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-123",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-124",
      0
     ],
     "destination": [
      "obj-125",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-125",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-126",
      0
     ],
     "destination": [
      "obj-127",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-127",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-128",
      0
     ],
     "destination": [
      "obj-129",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-129",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-130",
      0
     ],
     "destination": [
      "obj-131",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-131",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-132",
      0
     ],
     "destination": [
      "obj-133",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-133",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-134",
      0
     ],
     "destination": [
      "obj-135",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-135",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-136",
      0
     ],
     "destination": [
      "obj-137",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-137",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-138",
      0
     ],
     "destination": [
      "obj-139",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-139",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-140",
      0
     ],
     "destination": [
      "obj-141",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-141",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-142",
      0
     ],
     "destination": [
      "obj-143",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-143",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-144",
      0
     ],
     "destination": [
      "obj-145",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-145",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-146",
      0
     ],
     "destination": [
      "obj-147",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-147",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-148",
      0
     ],
     "destination": [
      "obj-149",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-149",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-150",
      0
     ],
     "destination": [
      "obj-151",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-151",
      0
     ],
     "destination": [
      "obj-152",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-152",
      0
     ],
     "destination": [
      "obj-153",
      0
     ]
    }
   },
   {
    "patchline": {
     "source": [
      "obj-153",
      0
     ],
     "destination": [
      "obj-1",
      0
     ]
    }
   }
  ]
 }
}
